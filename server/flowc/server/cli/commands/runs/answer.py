"""`flowc runs answer`: answers the question that a run waits on."""

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from flowc.server.cli.arguments import AsJson, RunArgument, ServerOption
from flowc.server.cli.output import json_option, print_json, wrong
from flowc.server.cli.run_sources import open_server

_Question = Mapping[str, Any]


def answer_run(
    run_id: RunArgument,
    answer: Annotated[
        str | None,
        typer.Argument(help="A choice, JSON, or @FILE; without it, the terminal shows a form."),
    ] = None,
    question: Annotated[
        str | None, typer.Option(metavar="ID", help="Which question, if the run has several.")
    ] = None,
    server: ServerOption = None,
    as_json: AsJson = False,
) -> None:
    """Answer a question that a run has asked a person.

    A text answers a choice, or a form with one field; JSON answers a form with several.
    """
    is_terminal = sys.stdin.isatty() and not as_json
    with open_server(server) as client:
        client.run(run_id)
        asked = [each for each in client.interrupts(run_id) if each["kind"] == "human"]
        chosen = _choose(run_id, asked, question, is_terminal=is_terminal)
        value = _value(chosen, answer, is_terminal=is_terminal)
        answered = client.answer(chosen["id"], value)
    if as_json:
        print_json(answered)
    else:
        shown = json.dumps(answered["answer"], ensure_ascii=False)
        typer.echo(f'Answered "{_title(chosen)}": {shown}')


def _choose(
    run_id: str, asked: Sequence[_Question], id: str | None, *, is_terminal: bool
) -> _Question:
    if not asked:
        wrong(f"The run {run_id} has no open question.")
    known = {each["id"]: each for each in asked}
    if id is not None:
        return known.get(id) or wrong(f"The run {run_id} has no open question {id!r}.")
    if len(asked) == 1:
        return asked[0]
    listed = "\n".join(f"  {each['id']}  {_title(each)}" for each in asked)
    if not is_terminal:
        wrong(f"The run has several open questions; choose one with --question:\n{listed}")
    from rich.prompt import Prompt  # noqa: PLC0415 - few answers need it

    typer.echo(f"The run has several open questions:\n{listed}")
    return known[Prompt.ask("question", choices=list(known), show_choices=False)]


def _value(question: _Question, answer: str | None, *, is_terminal: bool) -> Any:
    schema = question["data"].get("schema") or {}
    if answer is not None:
        return _read(answer, schema)
    if not is_terminal:
        wrong("There is no terminal to ask on; add the answer as text, JSON or @FILE.")
    from rich.console import Console  # noqa: PLC0415 - few answers need it

    from flowc.server.cli.terminal_questions import ask_on_terminal  # noqa: PLC0415

    return ask_on_terminal(Console(), question["data"])


def _read(answer: str, schema: dict[str, Any]) -> Any:
    from flowc.server.records.spoken_answers import answer_in  # noqa: PLC0415 - loads the checks of forms

    if answer.startswith(("@", "{")):
        return json_option(answer, "ANSWER")
    found = asyncio.run(answer_in(answer, schema))
    # What does not fit is sent as it is: the server explains why.
    return found if found is not None else answer


def _title(question: _Question) -> str:
    return str(question["data"].get("title") or "Please decide")
