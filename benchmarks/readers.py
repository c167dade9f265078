"""People who turn pages without a pause, from a process of their own.

    python -m benchmarks.readers --port PORT --cookie COOKIE [--readers 4]

Reads until its standard input ends; then prints how many pages a second it got.
"""

import argparse
import http.client
import sys
import threading
import time

PAGES = (
    "/subscriptions",
    "/subscriptions?status=terminated",
    "/declines",
    "/declines?code=stolen_card",
)


class Reader(threading.Thread):
    """Asks for one list after another over a kept-alive connection."""

    def __init__(self, port: int, cookie: str) -> None:
        super().__init__()
        self.pages = 0
        self.stopping = False
        self._link = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._headers = {"Cookie": f"metricsco={cookie}"}

    def run(self) -> None:
        while not self.stopping:
            page = PAGES[self.pages % len(PAGES)]
            self._link.request("GET", page, headers=self._headers)
            answer = self._link.getresponse()
            body = answer.read()
            if answer.status != 200 or len(body) < 5_000:
                raise SystemExit(f"{page} was answered {answer.status}")
            self.pages += 1
        self._link.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--cookie", required=True)
    parser.add_argument("--readers", type=int, default=4)
    asked = parser.parse_args()
    readers = [Reader(asked.port, asked.cookie) for _ in range(asked.readers)]
    began = time.monotonic()
    for reader in readers:
        reader.start()
    sys.stdin.read()
    for reader in readers:
        reader.stopping = True
    for reader in readers:
        reader.join()
    print(sum(reader.pages for reader in readers) / (time.monotonic() - began))


if __name__ == "__main__":
    main()
