"""Runs cases for clients: within a time, and without secrets in what is answered."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from flowc.compiler.compile import CompiledWorkflow
from flowc.server.cases.case_files import Case
from flowc.server.cases.runner import rehearse
from flowc.server.engine.driving import InputRefused
from flowc.server.tenant_services import TenantServices


@dataclass(frozen=True)
class CaseOutcome:
    """How the run of a case ended, and what is not as expected: sentences or diffs."""

    problems: list[str]
    status: str
    output: Any
    error: dict[str, Any] | None
    usage: dict[str, float]
    path: list[str]
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether the run ended as expected."""
        return not self.problems


async def outcome_of(
    case: Case, compiled: CompiledWorkflow, services: TenantServices, most_seconds: float
) -> CaseOutcome:
    """Run a case, whose run is not stored and is cut off after some seconds; raise InputRefused."""
    started = time.perf_counter()
    try:
        async with asyncio.timeout(most_seconds):
            done = await rehearse(case, compiled, services, services.models)
    except TimeoutError:
        problem = f"The run did not end within {most_seconds:g} s."
        seconds = time.perf_counter() - started
        return CaseOutcome([problem], "cancelled", None, None, {}, [], seconds)
    record = done.record
    found = {
        "problems": list(done.problems),
        "status": record.status,
        "output": record.output,
        "error": record.error,
        "usage": record.usage,
        "path": done.path,
        "seconds": time.perf_counter() - started,
    }
    redactor = services.known.redactor
    return CaseOutcome(**(redactor.json(found) if redactor else found))


async def outcome_in_any_case(
    case: Case, compiled: CompiledWorkflow, services: TenantServices, most_seconds: float
) -> CaseOutcome:
    """Return what `outcome_of` does; an input that is refused is a problem of the case."""
    try:
        return await outcome_of(case, compiled, services, most_seconds)
    except InputRefused as refused:
        return CaseOutcome([str(refused)], "failed", None, None, {}, [], 0.0)
