"""The application for any WSGI server; `python wsgi.py` serves it."""

from app import create_app

app = create_app()
