"""`flowc eval`: evaluates an expression."""

from typing import Annotated

import typer

from flowc.compiler.expressions import (
    ExpressionError,
    compile_condition,
    compile_template,
    diagnose,
)
from flowc.server.cli.output import json_option, print_json, wrong


def evaluate(
    expression: Annotated[str, typer.Argument(help="A template, or with --condition a condition.")],
    context: Annotated[
        str, typer.Option(help="Values the expression can read, as JSON or @FILE.")
    ] = "{}",
    condition: Annotated[bool, typer.Option("--condition", help="Evaluate a condition.")] = False,
) -> None:
    """Evaluate a template or condition and print the value as JSON."""
    names = json_option(context, "--context")
    if not isinstance(names, dict):
        wrong("--context must be an object.")
    try:
        compiled = (compile_condition if condition else compile_template)(expression)
        value = compiled.evaluate(names)
    except ExpressionError as problem:
        found = diagnose(problem, lambda value: value)
        wrong(f"{found.message}." + (f"\n  hint: {found.hint}" if found.hint else ""))
    print_json(value)
