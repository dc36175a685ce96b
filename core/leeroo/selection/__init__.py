"""Whom to pick: for one call, for many together, and for the pool itself."""
