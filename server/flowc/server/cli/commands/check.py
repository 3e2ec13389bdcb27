"""`flowc check`: checks definitions and shows what they would do."""

from pathlib import Path
from typing import Annotated, Any

import typer

from flowc.compiler.analysis.inference import Inferred, infer
from flowc.compiler.check import check_scope
from flowc.compiler.diagnostics import DefinitionRefused, Diagnostic, has_errors
from flowc.compiler.node.registry import Registry
from flowc.compiler.quick_imports import quick_imports
from flowc.compiler.reading.documents import Document
from flowc.server.cli.arguments import AsJson, DefinitionFiles
from flowc.server.cli.definition_files import scope_of
from flowc.server.cli.local_environment import missing_here
from flowc.server.cli.output import DONE, WRONG, print_diagnostics, print_json, read_document, wrong


def check(
    files: DefinitionFiles,
    as_json: AsJson = False,
    explain_plan: Annotated[
        bool,
        typer.Option(
            "--explain-plan",
            help="Show what each would do: order, joins, regions, access, model calls, cost.",
        ),
    ] = False,
    with_env: Annotated[
        bool,
        typer.Option(
            "--env",
            help="Also report what they need and this environment does not have: models and their"
            " keys, secrets, addresses, files, MCP servers, collections, extras.",
        ),
    ] = False,
) -> None:
    """Check definitions, and report every problem.

    Each is shown with its place in the file, and a hint where there is one.

    With `--env`, the settings, keys and secrets are those of this command: set them as for the
    server. What a template computes is known only in a run, and names of hosts are not resolved.
    """
    with quick_imports():
        registry = Registry.installed()
    found: list[Diagnostic] = []
    plans: list[Any] = []
    for file in files:
        diagnostics, document, inferred = _check_one(file, registry)
        if with_env and inferred is not None and document is not None:
            diagnostics += missing_here(inferred, document)
        found += diagnostics
        if not as_json:
            print_diagnostics(diagnostics, document.text if document else None)
        if explain_plan and inferred is not None:
            plans += _explained(inferred, as_json)
    ok = not has_errors(found)
    if as_json:
        explained = {"plans": plans} if explain_plan else {}
        shown = [diagnostic.as_json() for diagnostic in found]
        print_json({"ok": ok, "diagnostics": shown, **explained})
    elif ok and not explain_plan:
        valid = "The definition is valid" if len(files) == 1 else "All definitions are valid"
        here = ", and this environment has what it needs" if with_env else ""
        typer.echo(f"{valid}{here}.")
    raise typer.Exit(DONE if ok else WRONG)


def _check_one(
    file: Path, registry: Registry
) -> tuple[list[Diagnostic], Document | None, Inferred | None]:
    document: Document | None = None
    try:
        document = read_document(file)
        scope = scope_of(document, file, registry)
    except DefinitionRefused as refused:
        return list(refused.diagnostics), document, None
    flow, problems = check_scope(scope)
    inferred = infer(flow) if flow is not None else None
    if inferred is not None:
        problems += inferred.problems
    return [document.diagnostic(problem) for problem in problems], document, inferred


def _explained(inferred: Inferred, as_json: bool) -> list[Any]:
    # Imported here: most checks show no plan.
    from rich.console import Console  # noqa: PLC0415

    from flowc.compiler.planning.plan import make_plan  # noqa: PLC0415
    from flowc.nodes.services.models import read_models_file  # noqa: PLC0415
    from flowc.nodes.services.operator_files import OperatorFileRefused  # noqa: PLC0415
    from flowc.server.cli.plan_view import show_plan  # noqa: PLC0415
    from flowc.server.settings import Settings  # noqa: PLC0415
    from flowc.server.workflows.run_plans import plan_as_json  # noqa: PLC0415

    models = Settings().models_file
    try:
        aliases = read_models_file(models) if models is not None else {}
    except OperatorFileRefused as problem:
        wrong(str(problem))
    plan = make_plan(inferred)
    if as_json:
        return [plan_as_json(plan, aliases)]
    show_plan(Console(soft_wrap=True), plan, aliases)
    return []
