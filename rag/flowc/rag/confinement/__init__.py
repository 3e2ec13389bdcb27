"""How is a process kept from all that it does not need?

`locks` is brought in by processes that have nothing else of ours, so it imports nothing of ours.
"""
