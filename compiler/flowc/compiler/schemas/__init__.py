"""JSON Schema: whether a schema is sound, and whether values fit it, in bounded time.

Schemas and values come from strangers, so nothing here runs longer than its budget of steps: no
pattern backtracks, no keyword compares each item with each other one, and no reference is fetched.
"""
