"""Runs a definition in this process for `flowc run`, and stores nothing."""

import contextlib
import sys
from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from flowc.compiler.compile import CompiledWorkflow
from flowc.compiler.running.events import Event, EventKind
from flowc.server.cli.run_view import event_line, said_lines, show_end
from flowc.server.cli.terminal_questions import TerminalQuestions
from flowc.server.engine.driving import drive, new_run
from flowc.server.environment.environment import Environment
from flowc.server.records.runs import RunRecord
from flowc.server.settings import Settings
from flowc.server.tenant_services import LocalServices


async def run_local(
    compile_here: Callable[[], CompiledWorkflow],
    data: Any,
    *,
    settings: Settings,
    answers: Mapping[str, Any],
    quiet: bool,
    verbose: bool = False,
) -> RunRecord:
    """Run a definition, show its progress unless quiet, and return the run.

    If it is verbose, it also shows what nodes emit themselves, such as what code prints.

    Raises InputRefused, or EnvironmentNotReady if every run would fail here.

    Questions to people are answered from `answers`, by their titles, or else on the terminal.
    """
    console = Console(file=sys.stdout, highlight=False, quiet=quiet)

    def show(event: Event) -> None:
        name = f"{event.path}{event.node_id}"
        if verbose and event.kind == EventKind.NODE_SAID:
            for said in said_lines(name, event.data):
                console.print(said, soft_wrap=True)
        line = event_line(event.kind, name, event.data)
        if line is not None:
            console.print(line, soft_wrap=True)

    async with LocalServices(settings) as services:
        # Libraries may print while nodes run; standard output is for the result alone.
        with contextlib.redirect_stdout(sys.stderr):
            compiled = compile_here()
            record = await new_run(compiled, data)
            await Environment(services, settings).require_ready(compiled)
            console.print(Text(compiled.workflow.title, style="bold"))
            is_terminal = sys.stdin.isatty() and not quiet
            questions = TerminalQuestions(console, answers, is_terminal=is_terminal)
            await drive(
                compiled,
                record,
                services,
                max_steps=settings.max_steps,
                listen=show,
                wait_for=questions.wait_for,
            )
    show_end(console, record.as_json(), compiled.document.text)
    return record
