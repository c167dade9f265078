"""The Flask extensions, bare; create_app() ties them to an application."""

from flask_login import LoginManager
from flask_sqlalchemy import SQLAlchemy
from flask_wtf.csrf import CSRFProtect

from app.storage.base import Base

# Our own Base instead of db.Model: storage stays free of Flask and fully typed.
db = SQLAlchemy(metadata=Base.metadata)
login_manager = LoginManager()
csrf = CSRFProtect()
