"""`python -m escape_mw` is `escape-mw`."""

from .cli.main import main

main()
