"""The names of the modules that code in asteval can import."""

from functools import cache

from flowc.nodes.services.sandbox.rewriting import Supplied


@cache
def asteval_supplies() -> Supplied:
    """Return the modules that code can import."""
    # Imported here: the worker has them anyway, and this process needs only their names.
    from flowc.nodes.services.sandbox.worker.modules import MODULES  # noqa: PLC0415

    names = {name: frozenset(inner) for name, inner in MODULES.items()}
    names["urllib"] = frozenset({"parse"})
    return Supplied(names, runs_classes=False, waits=False)
