"""How does one run look on a terminal?"""

import contextlib
import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from flowc.compiler.compile import CompiledWorkflow
from flowc.compiler.running.events import Event, EventKind
from flowc.server.cli.terminal_questions import Asking
from flowc.server.engine.driving import drive, new_run
from flowc.server.host import Host
from flowc.server.records.runs import RunRecord
from flowc.server.settings import Settings


async def run_local(
    compile_here: Callable[[], CompiledWorkflow],
    data: Any,
    *,
    answers: Mapping[str, Any],
    quiet: bool,
) -> RunRecord:
    """Run a definition in this process, with nothing kept of it; say what happens unless quiet.

    What people are asked is answered from `answers`, by the ids of nodes, or else on the terminal.
    """
    settings = Settings()
    host = Host(settings)
    console = Console(file=sys.stdout, highlight=False, quiet=quiet)

    def show(event: Event) -> None:
        line = _line(event)
        if line is not None:
            console.print(line, soft_wrap=True)

    try:
        # What libraries print while nodes run goes to stderr: stdout holds results alone.
        with contextlib.redirect_stdout(sys.stderr):
            compiled = compile_here()
            record = new_run(compiled, data)
            console.print(Text(compiled.workflow.title, style="bold"))
            asking = Asking(console, answers, is_terminal=sys.stdin.isatty() and not quiet)
            await drive(
                compiled,
                record,
                host,
                max_steps=settings.max_steps,
                listen=show,
                wait_for=asking.wait_for,
            )
    finally:
        await host.aclose()
    _show_end(console, record)
    return record


def _line(event: Event) -> Text | None:
    data, name = event.data, f"{event.path}{event.node_id}"
    if event.kind == EventKind.NODE_COMPLETED:
        branch = f" → {data['branch']}" if data["branch"] else ""
        took = f"{data['duration_ms']:.0f} ms"
        return Text.assemble(("  ✓ ", "green"), f"{name:24}{took:>9}{branch}")
    if event.kind == EventKind.NODE_FAILED:
        return Text.assemble(("  ✗ ", "red"), f"{name:24}{data['message']}")
    if event.kind == EventKind.NODE_RETRYING:
        delay = f"{data['delay']:.1f} s"
        return Text(f"  ↻ {name:24}again in {delay}: {data['message']}", style="yellow")
    if event.kind == EventKind.NODE_SKIPPED:
        return Text(f"  - {name:24}  skipped", style="dim")
    return None


def _show_end(console: Console, record: RunRecord) -> None:
    if record.error is not None:
        place = record.error.get("at") or {}
        where = f" ({place['file']}:{place['line']}:{place['column']})" if place.get("line") else ""
        node = f"{record.error['node_id']}: " if "node_id" in record.error else ""
        console.print(
            Text(f"failed: {node}{record.error['message']}{where}", style="red"), soft_wrap=True
        )
        return
    console.print(Text(_readable(record.output)), soft_wrap=True)
    usage = record.usage
    tokens = f"{usage['total_tokens']:.0f} tokens in {usage['calls']:.0f} model call(s)"
    console.print(Text(f"{tokens}, {usage['cost']:.6f} US dollars", style="dim"))


def _readable(output: Any) -> str:
    if isinstance(output, dict) and isinstance(output.get("text"), str):
        return str(output["text"])
    return output if isinstance(output, str) else json.dumps(output, ensure_ascii=False, indent=2)
