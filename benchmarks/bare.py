"""The limit to compare with: Flask and nothing else, verifying and group-committing.

One route, one table, raw sqlite3; the same waitress settings as the application's.
"""

import argparse
import json
import sqlite3
import threading
import time

from flask import Flask, Response, request
from stripe import SignatureVerificationError, WebhookSignature
from waitress import serve

from benchmarks.load import SECRET


class GroupCommit:
    """One writer that commits whatever has gathered, then lets go of the callers."""

    def __init__(self, file: str, slower_by: float) -> None:
        self.file = file
        self.slower_by = slower_by
        self.gate = threading.Condition()
        self.rows: list[tuple[str, str]] = []
        self.done = threading.Event()
        threading.Thread(target=self.write, daemon=True).start()

    def keep(self, row: tuple[str, str]) -> None:
        with self.gate:
            self.rows.append(row)
            done = self.done
            self.gate.notify()
        done.wait()

    def write(self) -> None:
        connection = sqlite3.connect(self.file, isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE event (id TEXT PRIMARY KEY, body TEXT)")
        while True:
            with self.gate:
                while not self.rows:
                    self.gate.wait()
                rows, self.rows = self.rows, []
                done, self.done = self.done, threading.Event()
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                "INSERT INTO event VALUES (?, ?) ON CONFLICT DO NOTHING", rows
            )
            time.sleep(self.slower_by)
            connection.execute("COMMIT")
            done.set()


def create_app(file: str, slower_by: float) -> Flask:
    app = Flask(__name__)
    inbox = GroupCommit(file, slower_by)

    @app.post("/webhooks/stripe/bare")
    def receive() -> Response:
        body = request.get_data()
        try:
            WebhookSignature.verify_header(
                body, request.headers.get("Stripe-Signature"), SECRET, 300
            )
        except SignatureVerificationError:
            return Response("forged", 400)
        event = json.loads(body)
        inbox.keep((event["id"], body.decode()))
        return Response("stored\n", 200)

    return app


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--file", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--slower-by", type=float, default=0.0, help="seconds a commit")
    parser.add_argument("--threads", type=int, required=True)
    asked = parser.parse_args()
    serve(
        create_app(asked.file, asked.slower_by),
        host="127.0.0.1",
        port=asked.port,
        threads=asked.threads,
        connection_limit=500,
        asyncore_use_poll=True,
        _quiet=True,
    )
