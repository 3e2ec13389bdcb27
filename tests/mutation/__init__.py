"""Disables each refusal of the compiler in turn, and looks for a test that fails without it."""
