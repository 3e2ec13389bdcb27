"""The checks: each file checks one thing and yields the problems that it finds.

Those of structure take a scope; the others take its flow, which only exists once the structure is
right.
"""
