"""Runs case files for `flowc test` and shows each result on the terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.progress import track
from rich.text import Text

from flowc.compiler.compile import CompiledWorkflow, compile_workflow
from flowc.compiler.diagnostics import DefinitionRefused
from flowc.compiler.node.registry import Registry
from flowc.server.cases.case_files import CaseFile
from flowc.server.cases.recorded_models import RecordedAnswers
from flowc.server.cases.runner import CaseResult, run_case
from flowc.server.cli.definition_files import id_of, library_beside
from flowc.server.settings import Settings
from flowc.server.tenant_services import LocalServices, TenantServices

_STYLES = {"+": "green", "-": "red", "@": "cyan"}


async def run_all(
    files: Sequence[CaseFile],
    only: str,
    settings: Settings,
    *,
    is_recording: bool,
    is_quiet: bool,
) -> list[CaseResult]:
    """Run the cases of files, and show the result of each."""
    console = Console(stderr=True, highlight=False, quiet=is_quiet)
    results = list[CaseResult]()
    async with LocalServices(settings) as services:
        for file in track(files, "Testing", console=console, transient=True):
            for result in await _run_file(file, only, services, is_recording=is_recording):
                results.append(result)
                _show(console, result)
    failed = sum(bool(result.problems) for result in results)
    style = "red" if failed else "green"
    console.print(Text(f"{len(results) - failed} passed, {failed} failed", style=style))
    return results


async def _run_file(
    file: CaseFile, only: str, services: TenantServices, *, is_recording: bool
) -> list[CaseResult]:
    name, recorded = str(file.path), RecordedAnswers(file.recordings)
    cases = [case for case in file.cases if only in case.name]
    try:
        compiled = _compiled(file)
    except DefinitionRefused as refused:
        return [CaseResult(name, case.name, (str(refused),), 0.0) for case in cases]
    results = [
        await run_case(case, compiled, services, recorded, is_recording=is_recording, file=name)
        for case in cases
    ]
    # A selection of cases uses only some of the answers, and writing drops the others.
    if is_recording and not only:
        recorded.write()
    return results


def _compiled(file: CaseFile) -> CompiledWorkflow:
    path = file.workflow_path
    library = library_beside(path)
    return compile_workflow(file.document, Registry.installed(), library=library, id=id_of(path))


def _show(console: Console, result: CaseResult) -> None:
    mark = ("  ✗ ", "red") if result.problems else ("  ✓ ", "green")
    took = f"{result.seconds * 1e3:.0f} ms"
    console.print(
        Text.assemble(mark, f"{result.file}: {result.name} ", (took, "dim")), soft_wrap=True
    )
    for problem in result.problems:
        for line in problem.splitlines():
            console.print(Text(f"      {line}", style=_STYLES.get(line[:1], "")), soft_wrap=True)
