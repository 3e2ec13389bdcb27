"""A run's output, taken from the outputs of its exits.

Imports nothing: exported graphs run without the plan.
"""

from collections.abc import Mapping, Sequence
from typing import Any


def result_of(exits: Sequence[str], outputs: Mapping[str, Any]) -> Any:
    """Return a run's output: that of the exit that ran, or by id if several did."""
    ran = [name for name in exits if name in outputs]
    if len(ran) == 1:
        return outputs[ran[0]]
    return {name: outputs[name] for name in ran}
