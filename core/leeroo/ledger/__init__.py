"""The durable ledger: spend, reservations, limits on scopes, calls and feedback in SQLite or PostgreSQL.

SQLAlchemy is imported only when a ledger is opened by URL (`leeroo.ledger.opening.open_ledger`).
"""
