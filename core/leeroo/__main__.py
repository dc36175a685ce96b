"""`python -m leeroo`."""

from leeroo.cli import main

main()
