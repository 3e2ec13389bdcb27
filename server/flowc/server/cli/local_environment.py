"""Finds for a command what a workflow needs and this environment does not have."""

import asyncio
import contextlib
import sys

from flowc.compiler.analysis.inference import Inferred
from flowc.compiler.diagnostics import Diagnostic
from flowc.compiler.quick_imports import quick_imports
from flowc.compiler.reading.documents import Document
from flowc.server.cli.local_settings import read_settings
from flowc.server.cli.output import wrong


def missing_here(inferred: Inferred, document: Document) -> list[Diagnostic]:
    """Return what a checked workflow does not find here; end the command if a setting is wrong."""
    # Imported here: most checks look at the definition alone.
    with quick_imports():
        from flowc.compiler.planning.plan import make_plan  # noqa: PLC0415
        from flowc.server.environment.environment import Environment  # noqa: PLC0415
        from flowc.server.process_services import SettingsRefused  # noqa: PLC0415
        from flowc.server.tenant_services import LocalServices  # noqa: PLC0415

    settings, plan = read_settings(), make_plan(inferred)

    async def look() -> list[Diagnostic]:
        async with LocalServices(settings) as services:
            return await Environment(services, settings).diagnostics(plan, document)

    try:
        # Libraries may print when they are loaded; standard output is for the result alone.
        with contextlib.redirect_stdout(sys.stderr):
            return asyncio.run(look())
    except SettingsRefused as problem:
        wrong(str(problem))
