"""Does each node's configuration fit its type?"""

from collections.abc import Iterator

from flowc.compiler.diagnostics import Problem
from flowc.compiler.draft import Draft


def check_configuration(draft: Draft) -> Iterator[Problem]:
    """Yield what the node types say of their configurations."""
    yield from draft.body_problems
    for configuration in draft.configurations.values():
        yield from configuration.problems
