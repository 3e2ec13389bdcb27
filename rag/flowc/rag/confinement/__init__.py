"""Confines processes that handle untrusted input.

The sandbox for code imports `locks` without the rest of flowc, so `locks` must not import any of
it.
"""
