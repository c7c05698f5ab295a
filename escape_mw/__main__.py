"""`python -m escape_mw` is `escape-mw`."""

from .cli import main

main()
