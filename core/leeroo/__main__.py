"""`python -m leeroo`."""

from leeroo.cli.app import main

main()
