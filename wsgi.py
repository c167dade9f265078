"""The application for any WSGI server; `python wsgi.py` serves it.

Importing this starts the background work too: retries are made by whatever serves the
application. Commands (`flask --app app ...`) and tests import `app` instead.
"""

import sys

from app import create_app, server, ticking

app = create_app()

if __name__ == "__main__":
    sys.exit(server.serve(app))
else:
    ticking.start(app)
