"""`flowc filters`: lists the filters, tests and functions of expressions."""

from itertools import groupby
from typing import Annotated

import typer

from flowc.compiler.diagnostics import did_you_mean
from flowc.compiler.reports.vocabulary import (
    VocabularyEntry,
    entries,
    entries_of,
    shown_example,
    usage_of,
    vocabulary,
    word_names,
)
from flowc.server.cli.completion import complete_filter
from flowc.server.cli.output import print_json, wrong


def filters(
    name: Annotated[
        str,
        typer.Argument(
            metavar="[NAME]",
            help="A filter, test or function; without it, all are listed.",
            autocompletion=complete_filter,
        ),
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print all of them as JSON.")] = False,
) -> None:
    """List the filters, tests and functions of expressions, or show one with its examples."""
    if as_json:
        print_json(vocabulary())
        return
    chosen = entries_of(name) if name else []
    if name and not chosen:
        hint = did_you_mean(name, word_names())
        wrong(f"There is no filter, test or function {name!r}. {hint or ''}".rstrip())
    for entry in chosen:
        _show(entry)
    if not chosen:
        _list()


def _list() -> None:
    for subject, found in groupby(entries(), lambda entry: entry.subject):
        typer.echo(f"{subject}:")
        for entry in found:
            names = ", ".join((entry.word.name, *entry.word.also))
            typer.echo(f"  {names:22} {entry.word.summary}")


def _show(entry: VocabularyEntry) -> None:
    says = entry.word.summary
    typer.echo(f"{usage_of(entry)}\n  {f'true for {says}' if entry.kind == 'test' else says}\n")
    for source, value in entry.word.examples:
        typer.echo(f"  {shown_example(entry, source)}\n    {value}")
    typer.echo("")
