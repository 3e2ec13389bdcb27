"""Runs the command line as `python -m flowc`."""

from flowc.server.cli import main

main()
