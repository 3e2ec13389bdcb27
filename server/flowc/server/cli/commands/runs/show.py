"""`flowc runs show`: shows one run, node by node."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from flowc.server.cli.arguments import AsJson, ReadServerOption, RunArgument
from flowc.server.cli.output import print_json
from flowc.server.cli.run_sources import open_runs
from flowc.server.cli.run_view import error_sentence, node_line, show_end, waits_for


def show_run(run_id: RunArgument, server: ReadServerOption = None, as_json: AsJson = False) -> None:
    """Show a run: its status, nodes, error and open questions."""
    with open_runs(server) as source:
        run, interrupts = source.run(run_id), source.interrupts(run_id)
    if as_json:
        print_json({**run, "interrupts": interrupts})
    else:
        _show(Console(highlight=False, soft_wrap=True), run, interrupts)


def _show(
    console: Console, run: Mapping[str, Any], interrupts: Sequence[Mapping[str, Any]]
) -> None:
    workflow = run["workflow_id"]
    of = f" of {workflow}, version {run['version']}" if workflow else ""
    console.print(Text(f"{run['id']}{of}: {run['status']}", style="bold"))
    for label, name in (("created", "created_at"), ("finished", "finished_at")):
        if run[name]:
            console.print(Text(f"{label:9} {run[name]}", style="dim"))
    for name, node in run["nodes"].items():
        console.print(_line(name, node))
    if run["error"] is not None or run["status"] == "completed":
        show_end(console, run)
    for interrupt in interrupts:
        console.print(Text(f"waits for {waits_for(interrupt['kind'], interrupt['data'])}"))
        if interrupt["kind"] == "human":
            hint = f"  flowc runs answer {run['id']} --question {interrupt['id']}"
            console.print(Text(hint, style="dim"))


def _line(name: str, node: Mapping[str, Any]) -> Text:
    took = f"{node['duration_ms']:.0f} ms" if node["duration_ms"] is not None else ""
    more = error_sentence(node["error"]) if node["error"] is not None else ""
    return node_line(node["status"], name, took, more)
