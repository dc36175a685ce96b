"""The frameworks' own tests, bare and behind a Leeroo of one expert: `python -m tests.frameworks`."""
