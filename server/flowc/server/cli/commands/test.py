"""`flowc test`: runs the test cases of workflows."""

import asyncio
import contextlib
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from flowc.compiler.diagnostics import DefinitionRefused
from flowc.server.cli.arguments import AsJson
from flowc.server.cli.completion import complete_cases
from flowc.server.cli.local_settings import read_settings
from flowc.server.cli.output import DONE, FAILED, WRONG, print_diagnostics, print_json, wrong


def test(
    paths: Annotated[
        list[Path],
        typer.Argument(help="Case files, *.test.yaml, or folders.", autocompletion=complete_cases),
    ],
    record: Annotated[
        bool, typer.Option("--record", help="Call the real models, and record their answers.")
    ] = False,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML to this file.")] = None,
    only: Annotated[str, typer.Option("-k", help="Only cases whose names contain this.")] = "",
    as_json: AsJson = False,
) -> None:
    """Run the test cases of workflows.

    Each case has its own clock and mocks, and models give recorded answers. The exit status is 1 if
    a case fails.
    """
    # Imported here: few commands run workflows.
    from flowc.server.cases.case_files import CaseFile, find_files, read_cases  # noqa: PLC0415
    from flowc.server.cases.junit import write_junit  # noqa: PLC0415

    files: list[CaseFile] = []
    is_wrong = False
    for path in find_files(paths):
        try:
            files.append(read_cases(path))
        except DefinitionRefused as refused:
            is_wrong = True
            print_diagnostics(refused.diagnostics, None)
    if is_wrong:
        raise typer.Exit(WRONG)
    if not files:
        wrong("There are no *.test.yaml files here.")
    from flowc.server.cli.cases_view import run_all  # noqa: PLC0415
    from flowc.server.process_services import SettingsRefused  # noqa: PLC0415

    settings = read_settings()
    try:
        with contextlib.redirect_stdout(sys.stderr):
            results = asyncio.run(
                run_all(files, only, settings, is_recording=record, is_quiet=as_json)
            )
    except SettingsRefused as problem:
        wrong(str(problem))
    if junit is not None:
        write_junit(results, junit)
    failed = sum(bool(result.problems) for result in results)
    if as_json:
        print_json({"ok": not failed, "cases": [asdict(result) for result in results]})
    raise typer.Exit(FAILED if failed else DONE)
