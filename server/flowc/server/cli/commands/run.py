"""`flowc run`: runs a definition and shows what happens."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from flowc.compiler.diagnostics import DefinitionRefused, Diagnostic
from flowc.compiler.node.registry import Registry
from flowc.compiler.quick_imports import quick_imports
from flowc.compiler.reading.documents import Document
from flowc.server.cli.arguments import AsJson, DefinitionFile
from flowc.server.cli.definition_files import id_of, library_beside
from flowc.server.cli.local_settings import read_settings
from flowc.server.cli.output import (
    DONE,
    FAILED,
    WRONG,
    json_option,
    print_diagnostics,
    print_json,
    read_document,
    wrong,
)


def run(
    file: DefinitionFile,
    given: Annotated[str, typer.Option("--input", help="Input, as JSON or @FILE.")] = "{}",
    answers: Annotated[
        str, typer.Option(help="Answers to questions, by their titles, as JSON or @FILE.")
    ] = "{}",
    as_json: AsJson = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show what nodes emit: prints, tool calls.")
    ] = False,
) -> None:
    """Run a workflow on this machine, and store nothing.

    Shows each node as it finishes, then the output and its cost. Questions to people are asked on
    the terminal. A run that is sure to fail here does not begin, such as one without a key that it
    needs; `flowc check --env` shows all that is missing.
    """
    data, answered = json_option(given, "--input"), json_option(answers, "--answers")
    document: Document | None = None
    try:
        document = read_document(file)
        raise typer.Exit(_run(document, file, (data, answered), as_json, verbose))
    except DefinitionRefused as refused:
        _show_refused("definition-refused", refused, refused.diagnostics, document, as_json)
        raise typer.Exit(WRONG) from None


def _run(
    document: Document, file: Path, given: tuple[Any, Any], as_json: bool, verbose: bool
) -> int:
    # Imported here: a definition with errors is refused before LangGraph is loaded.
    from flowc.compiler.check import check_workflow  # noqa: PLC0415
    from flowc.compiler.diagnostics import has_errors  # noqa: PLC0415

    with quick_imports():
        registry = Registry.installed()
    diagnostics = check_workflow(document, registry, library_beside(file), id_of(file))
    if has_errors(diagnostics):
        raise DefinitionRefused(diagnostics)
    with quick_imports():
        from flowc.compiler.compile import CompiledWorkflow, compile_workflow  # noqa: PLC0415
        from flowc.server.cli.local_run import run_local  # noqa: PLC0415
        from flowc.server.engine.driving import InputRefused  # noqa: PLC0415
        from flowc.server.environment.environment import EnvironmentNotReady  # noqa: PLC0415
        from flowc.server.process_services import SettingsRefused  # noqa: PLC0415

    def compile_here() -> CompiledWorkflow:
        return compile_workflow(document, registry, library=library_beside(file), id=id_of(file))

    try:
        (data, answers), settings = given, read_settings()
        record = asyncio.run(
            run_local(
                compile_here,
                data,
                settings=settings,
                answers=answers,
                quiet=as_json,
                verbose=verbose,
            )
        )
    except (SettingsRefused, InputRefused) as problem:
        wrong(str(problem))
    except EnvironmentNotReady as refused:
        _show_refused("environment-not-ready", refused, refused.diagnostics, document, as_json)
        return WRONG
    if as_json:
        names = ("status", "run_id", "output", "nodes", "usage", "error")
        shown = record.as_json()
        print_json({name: shown[name] for name in names})
    return DONE if record.status == "completed" else FAILED


def _show_refused(
    code: str,
    problem: Exception,
    diagnostics: Iterable[Diagnostic],
    document: Document | None,
    as_json: bool,
) -> None:
    """Print why there is no run."""
    if not as_json:
        print_diagnostics(diagnostics, document.text if document else None)
        return
    shown = [diagnostic.as_json() for diagnostic in diagnostics]
    error = {"code": code, "message": str(problem), "diagnostics": shown}
    nothing: dict[str, Any] = {"run_id": None, "output": None, "nodes": {}, "usage": {}}
    print_json({"status": "refused", **nothing, "error": error})
