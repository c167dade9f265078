"""Which subscriptions a searched piece of text means, on PostgreSQL.

Its planner cannot tell a piece that everybody has from one that few have, and the plan
for the one takes seconds for the other. So it is asked step by step, and each step
reads a bounded number of rows.
"""

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

# Where so many of so many of the newest have the piece, it is a common one;
_COMMON, _PROBED = 50, 2_000
# then so many of the newest are looked through.
_WALKED = 50_000
# Where it is not, an index brings so many at most.
_BROUGHT = 5_000

_EXACTLY = text("""
    SELECT id FROM subscription WHERE stripe_subscription_id = :piece
    UNION SELECT id FROM subscription WHERE stripe_customer_id = :piece
    UNION SELECT subscription_id FROM recovery
    WHERE stripe_invoice_id = :piece AND subscription_id IS NOT NULL
    ORDER BY id DESC LIMIT :most
    """)
_AMONG_THE_NEWEST = text("""
    SELECT id FROM (
        SELECT id, customer_name, customer_email FROM subscription
        ORDER BY id DESC LIMIT :newest
    ) AS newest WHERE customer_name ILIKE :pattern OR customer_email ILIKE :pattern
    ORDER BY id DESC LIMIT :most
    """)
# Served by indexes of search_index.py; of the newest at the end, as far as brought.
_BEGINNING = text("""
    SELECT id FROM (
        (SELECT id FROM subscription
        WHERE lower(customer_name) LIKE lower(:beginning) LIMIT :brought)
        UNION (SELECT id FROM subscription
        WHERE lower(customer_email) LIKE lower(:beginning) LIMIT :brought)
    ) AS found ORDER BY id DESC LIMIT :most
    """)
_ANYWHERE = text("""
    SELECT id FROM (
        SELECT id FROM subscription
        WHERE customer_name ILIKE :pattern OR customer_email ILIKE :pattern
        LIMIT :brought
    ) AS found ORDER BY id DESC LIMIT :most
    """)


def found(
    session: Session, piece: str, *, is_short: bool, most: int
) -> tuple[int, ...]:
    """Ids of subscriptions as search.matches() means them, newest first. Looked for at
    the beginning only: a short piece, and what an address begins with."""

    def ask(statement: TextClause, **more: int) -> list[int]:
        asked = {**values, "most": most, **more}
        return list(session.connection().scalars(statement, asked))

    escaped = "".join(f"\\{c}" if c in "\\%_" else c for c in piece)
    beginning, anywhere = f"{escaped}%", f"%{escaped}%"
    values = {
        "piece": piece,
        "beginning": beginning,
        "pattern": beginning if is_short else anywhere,
    }
    if exactly := ask(_EXACTLY):
        return tuple(exactly)
    if len(ask(_AMONG_THE_NEWEST, newest=_PROBED)) >= _COMMON:
        return tuple(ask(_AMONG_THE_NEWEST, newest=_WALKED))
    begin = ask(_BEGINNING, brought=_BROUGHT)
    if is_short or len(begin) == most or (begin and "@" in piece):
        return tuple(begin)
    anywhere_found = ask(_ANYWHERE, brought=_BROUGHT)
    return tuple(sorted({*begin, *anywhere_found}, reverse=True)[:most])
