"""The trees that the language allows, each with the function that compiles it."""

from flowc.compiler.expressions.calls import CALLS
from flowc.compiler.expressions.compilation import Compilation
from flowc.compiler.expressions.operators import OPERATORS

METHODS = {**OPERATORS, **CALLS}


def new_compilation() -> Compilation:
    """Return the compilation of an expression or text."""
    return Compilation(METHODS)
