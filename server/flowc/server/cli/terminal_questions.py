"""How is a person asked on a terminal?"""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.prompt import Confirm, FloatPrompt, IntPrompt, Prompt

from flowc.compiler.definition.short_schemas import problems_of
from flowc.compiler.node.interrupts import Answer, Ask, NobodyToAsk, wait_here
from flowc.nodes.people.human import as_answer


class Asking:
    """Answers what nodes ask: from answers given before, by title, or else on the terminal."""

    def __init__(self, console: Console, answers: Mapping[str, Any], *, is_terminal: bool) -> None:
        self._console, self._answers, self._is_terminal = console, answers, is_terminal
        # One question at a time, however many nodes ask.
        self._lock = asyncio.Lock()

    async def wait_for(self, ask: Ask) -> Answer:
        """Return the answer; raise NobodyToAsk if there is none, and no terminal."""
        if ask.kind != "human":
            return await wait_here(ask)
        title = str(ask.data.get("title", ""))
        if title in self._answers:
            return Answer(as_answer(self._answers[title]))
        if not self._is_terminal:
            raise NobodyToAsk(f"There is no terminal, and no answer to {title!r} in --answers.")
        async with self._lock:
            return Answer(await asyncio.to_thread(self._ask, ask.data))

    def _ask(self, data: Mapping[str, Any]) -> dict[str, Any]:
        self._console.print(f"\n[bold]{data['title']}[/]", highlight=False)
        if data["instructions"]:
            self._console.print(data["instructions"], markup=False)
        if data["data"] is not None:
            self._console.print_json(json.dumps(data["data"]))
        schema = data["schema"]
        while True:
            fields = schema.get("properties", {}).items()
            answer = {name: self._field(name, field) for name, field in fields}
            given = {name: value for name, value in answer.items() if value is not None}
            problems = problems_of(given, schema)
            if not problems:
                return given
            for path, why in problems:
                self._console.print(f"{'.'.join(map(str, path)) or 'answer'}: {why}", style="red")

    def _field(self, name: str, schema: Any) -> Any:
        """Ask for one field, by its kind; nothing said is no value."""
        kind = schema.get("type") if isinstance(schema, dict) else None
        if isinstance(schema, dict) and schema.get("enum"):
            return Prompt.ask(name, console=self._console, choices=list(map(str, schema["enum"])))
        if kind == "boolean":
            return Confirm.ask(name, console=self._console)
        if kind == "integer":
            return IntPrompt.ask(name, console=self._console)
        if kind == "number":
            return FloatPrompt.ask(name, console=self._console)
        said = Prompt.ask(name, console=self._console, default="", show_default=False)
        return (said if kind == "string" else _json(said)) if said else None


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
