"""Shows a run on a terminal: its nodes as they finish, what it waits for, and its end."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from flowc.compiler.diagnostics import Place, excerpt
from flowc.compiler.running.events import EventKind

# Longest data of an event in a line, in characters.
_LONGEST = 2_000


def event_line(kind: str, name: str, data: Mapping[str, Any]) -> Text | None:
    """Return one line about an event of a node; None for events that are not shown."""
    if kind == EventKind.NODE_COMPLETED:
        branch = f" → {data['branch']}" if data["branch"] else ""
        return node_line("completed", name, f"{data['duration_ms']:.0f} ms", branch)
    if kind == EventKind.NODE_FAILED:
        return node_line("failed", name, more=data["message"])
    if kind == EventKind.NODE_RETRYING:
        delay = f"{data['delay']:.1f} s"
        return Text(f"  ↻ {name:24}retry in {delay}: {data['message']}", style="yellow")
    if kind == EventKind.NODE_CANCELLED:
        return node_line("cancelled", name, more=f"{data['by']} is decided without it")
    if kind == EventKind.NODE_SKIPPED:
        return node_line("skipped", name)
    return None


def said_lines(name: str, data: Mapping[str, Any]) -> Iterator[Text]:
    """Yield the lines about what a node emits itself: each line that code prints, or the data.

    Pieces of streamed answers are left out; the whole answer is in the node's output.
    """
    kind, said = data["kind"], data["data"]
    if kind == "token":
        return
    texts = said.splitlines() if kind == "stdout" and isinstance(said, str) else [_shown(said)]
    for text in texts:
        yield Text(f"  │ {name:24}{kind}: {text}", style="dim")


def _shown(said: Any) -> str:
    text = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def node_line(status: str, name: str, took: str = "", more: str = "") -> Text:
    """Return one line about a node in a status."""
    if status == "completed":
        return Text.assemble(("  ✓ ", "green"), f"{name:24}{took:>9}{more}")
    if status == "skipped":
        return Text(f"  - {name:24}  skipped", style="dim")
    if status == "cancelled":
        return Text(f"  ⊘ {name:24}  cancelled  {more}", style="dim")
    if status == "failed":
        return Text.assemble(("  ✗ ", "red"), f"{name:24}{more}")
    return Text.assemble(("  … ", "cyan"), f"{name:24}{status:>9}{more}")


def waits_for(kind: str, data: Mapping[str, Any]) -> str:
    """Return what a run waits for, in a few words.

    >>> waits_for("human", {"title": "Ship it?"})
    'an answer to "Ship it?"'
    >>> waits_for("signal", {"signal": "paid", "key": "8"})
    "the signal 'paid'"
    """
    if kind == "human":
        return f'an answer to "{data.get("title") or "Please decide"}"'
    if kind == "signal":
        return f"the signal {data.get('signal')!r}"
    return "a moment" if kind == "timer" else f"a {kind}"


def show_end(console: Console, run: Mapping[str, Any], text: str | None = None) -> None:
    """Show how a run ended, from its JSON form: its error, or its output and what it cost.

    An error is shown with its line of the definition's text, if that is known.
    """
    error, usage = run["error"], run["usage"]
    if error is not None:
        console.print(Text(_failure(error, text), style="red"), soft_wrap=True)
        return
    console.print(Text(_readable(run["output"])), soft_wrap=True)
    tokens = f"{usage['total_tokens']:.0f} tokens in {usage['calls']:.0f} model call(s)"
    console.print(Text(f"{tokens}, {usage['cost']:.6f} US dollars", style="dim"))


def error_sentence(error: Mapping[str, Any]) -> str:
    """Return a run's error with its node and place.

    >>> error_sentence({"node_id": "a", "message": "No.", "at": {"file": "f.yaml", "line": 2,
    ...                 "column": 5}})
    'a: No. (f.yaml:2:5)'
    """
    place = error.get("at") or {}
    where = f" ({place['file']}:{place['line']}:{place['column']})" if place.get("line") else ""
    node = f"{error['node_id']}: " if "node_id" in error else ""
    return f"{node}{error['message']}{where}"


def _failure(error: Mapping[str, Any], text: str | None) -> str:
    """Return a run's error as it is shown: the sentence, the line that it is about, what to do."""
    place = error.get("at") or {}
    at = Place(place.get("pointer", ""), place.get("file"), place.get("line"), place.get("column"))
    lines = [f"failed: {error_sentence(error)}", *excerpt(at, text)]
    if error.get("hint"):
        lines.append(f"  hint: {error['hint']}")
    return "\n".join(lines)


def _readable(output: Any) -> str:
    if isinstance(output, dict) and isinstance(output.get("text"), str):
        return str(output["text"])
    return output if isinstance(output, str) else json.dumps(output, ensure_ascii=False, indent=2)
