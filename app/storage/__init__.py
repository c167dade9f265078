"""Tables, named reads and claims. Imports the domain and SQLAlchemy only."""

# Every table must be known before the first session, whoever imports what.
from app.storage import connection_models as connection_models
from app.storage import models as models
