"""Moving SQLite's log into the database beside the writer, not in its way.

Left to itself SQLite does this inside whichever commit finds the log long: that one
took 65 ms where others take 4 (measured), and everybody behind it in the line waits.
"""

import threading

from sqlalchemy import Engine

EVERY = 0.5  # seconds
# Pages of 4 kB after which a commit does it after all, if nobody else did.
AT_THE_LATEST = 20_000


def keep_log_short(
    reader: Engine, writer: Engine, *, until: threading.Event, every: float = EVERY
) -> None:
    """Go on until `until` is set; at once on a database that has no such log."""
    if writer.dialect.name != "sqlite":
        return
    with writer.connect() as connection:
        connection.exec_driver_sql(f"PRAGMA wal_autocheckpoint={AT_THE_LATEST}")
    # The driver's own connection: inside a transaction there is no checkpoint.
    connection_of_ours = reader.raw_connection()
    try:
        while not until.wait(every):
            connection_of_ours.cursor().execute(
                "PRAGMA wal_checkpoint(PASSIVE)"
            ).close()
    finally:
        connection_of_ours.close()
