"""Asks a person on the terminal, field by field, and checks the answer against its schema."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.prompt import Confirm, FloatPrompt, IntPrompt, Prompt

from flowc.compiler.definition.short_schemas import TooCostly, problems_of
from flowc.compiler.node.interrupts import Answer, Ask, NoOneToAsk, wait_here
from flowc.compiler.schemas.fitting import Misfits
from flowc.nodes.people.human import as_answer


class TerminalQuestions:
    """Answers the questions of a local run: by title from `--answers`, or else on the terminal."""

    def __init__(self, console: Console, answers: Mapping[str, Any], *, is_terminal: bool) -> None:
        self._console, self._answers, self._is_terminal = console, answers, is_terminal
        # One question at a time, even if several nodes ask at once.
        self._lock = asyncio.Lock()

    async def wait_for(self, ask: Ask) -> Answer:
        """Return the answer; raise NoOneToAsk if there is none, and no terminal."""
        if ask.kind != "human":
            return await wait_here(ask)
        title = str(ask.data.get("title", ""))
        if title in self._answers:
            return Answer(as_answer(self._answers[title]))
        if not self._is_terminal:
            raise NoOneToAsk(f"There is no terminal, and --answers has no answer to {title!r}.")
        async with self._lock:
            return Answer(await asyncio.to_thread(ask_on_terminal, self._console, ask.data))


def ask_on_terminal(console: Console, data: Mapping[str, Any]) -> dict[str, Any]:
    """Show a question, and ask for each field of its schema until the answer fits."""
    console.print(f"\n[bold]{escape(data.get('title') or 'Please decide')}[/]", highlight=False)
    if data.get("instructions"):
        console.print(data["instructions"], markup=False)
    if data.get("data") is not None:
        console.print_json(json.dumps(data["data"]))
    schema = data["schema"]
    while True:
        fields = schema.get("properties", {}).items()
        values = {name: _ask_field(console, name, field) for name, field in fields}
        answer = {name: value for name, value in values.items() if value is not None}
        problems = _problems(answer, schema)
        if not problems:
            return answer
        for path, why in problems:
            console.print(f"{'.'.join(map(str, path)) or 'answer'}: {why}", style="red")


def _problems(answer: Any, schema: Any) -> Misfits:
    try:
        return problems_of(answer, schema)
    except TooCostly as problem:
        return [((), str(problem))]


def _ask_field(console: Console, name: str, schema: Any) -> Any:
    """Ask for one field by its type; an empty line leaves the field out."""
    kind = schema.get("type") if isinstance(schema, dict) else None
    if isinstance(schema, dict) and schema.get("enum"):
        return Prompt.ask(name, console=console, choices=list(map(str, schema["enum"])))
    if kind == "boolean":
        return Confirm.ask(name, console=console)
    if kind == "integer":
        return IntPrompt.ask(name, console=console)
    if kind == "number":
        return FloatPrompt.ask(name, console=console)
    text = Prompt.ask(name, console=console, default="", show_default=False)
    return (text if kind == "string" else _json_or_text(text)) if text else None


def _json_or_text(text: str) -> Any:
    """Read JSON, or take the text as it is.

    >>> _json_or_text("[1, 2]"), _json_or_text("one")
    ([1, 2], 'one')
    """
    try:
        return json.loads(text)
    except ValueError:
        return text
