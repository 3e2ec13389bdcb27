"""Runs the command line as `python -m flowc.server`."""

from flowc.server.cli import main

main()
