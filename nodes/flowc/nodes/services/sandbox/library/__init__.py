"""Modules that code in Monty can import, which Monty itself does not have.

Each file is the source of one module, and runs inside the sandbox, within the limits of the code
that imports it. So it is written in the part of Python that Monty knows: no inheritance, no
properties, no generators. In the end, it has the names that are not private.
"""
