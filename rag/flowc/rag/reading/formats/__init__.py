"""One file for each format: how it becomes sections of text.

They run in a locked process, after everything that they need was imported.
"""
