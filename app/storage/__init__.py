"""Tables, named reads and claims. Imports the domain and SQLAlchemy only."""
