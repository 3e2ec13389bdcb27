"""`python -m flowc.server` is the command `flowc`."""

from flowc.server.cli import main

main()
