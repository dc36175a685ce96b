"""Other programs' clients against `leeroo serve`, each in an environment of its own: `make clients`."""
