"""Finds what a workflow needs and this environment does not have."""

import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from flowc.compiler.diagnostics import Diagnostic, Problem, Severity
from flowc.compiler.node import Need
from flowc.compiler.planning.plan import Plan
from flowc.compiler.reading.documents import Document
from flowc.compiler.reports.needs import PlacedNeed, needs_of
from flowc.server.environment.answers import Lack, Offered, lack_of
from flowc.server.records.refused import Refused
from flowc.server.settings import Settings
from flowc.server.tenant_services import TenantServices

if TYPE_CHECKING:
    from flowc.compiler.compile import CompiledWorkflow

log = logging.getLogger(__name__)

_MAX_READY = 10_000
_MAX_SENTENCES = 3


class EnvironmentNotReady(Refused):
    """The workflow cannot run in this environment."""

    diagnostics: Sequence[Diagnostic] = ()

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__(problems=[each.message for each in diagnostics[:_MAX_SENTENCES]])


class Missing(NamedTuple):
    """Something that a workflow needs and the environment lacks.

    Every run of the workflow fails because of it, as far as that is known before, if `is_sure`.
    """

    problem: Problem
    is_sure: bool


class Environment:
    """What a process offers to workflows; one object per process."""

    def __init__(self, services: TenantServices, settings: Settings) -> None:
        self._services, self._settings = services, settings
        # The hashes of workflows that can run: looked at again only if something was missing.
        self._ready: set[str] = set()

    async def missing(self, plan: Plan, severity: Severity = "error") -> list[Missing]:
        """Return what a workflow needs and does not find, each once, at its first place."""
        offered, found = Offered(self._services, self._settings), list[Missing]()
        for placed in _once(needs_of(plan)):
            lack = await lack_of(offered, placed.need)
            if lack is not None:
                found.append(_missing(placed, lack, severity))
        return found

    async def diagnostics(
        self, plan: Plan, document: Document, severity: Severity = "error"
    ) -> list[Diagnostic]:
        """Return what a workflow needs and does not find, with the places in its definition."""
        found = await self.missing(plan, severity)
        return [document.diagnostic(each.problem) for each in found]

    async def require_ready(self, compiled: "CompiledWorkflow") -> None:
        """Raise EnvironmentNotReady if every run of a workflow would fail here.

        What only some runs need is logged, once.
        """
        if compiled.hash in self._ready:
            return
        found = await self.missing(compiled.plan)
        refused = [compiled.document.diagnostic(each.problem) for each in found if each.is_sure]
        if refused:
            raise EnvironmentNotReady(refused)
        for each in found:
            log.warning("%s: some runs may fail: %s", compiled.workflow.title, each.problem.message)
        if len(self._ready) >= _MAX_READY:
            self._ready.clear()
        self._ready.add(compiled.hash)

    def changed(self) -> None:
        """Look at all workflows again before their next run."""
        self._ready.clear()


def _once(needs: Iterator[PlacedNeed]) -> list[PlacedNeed]:
    """Return each need once, where it is first, or where it is sure."""
    found: dict[Need, PlacedNeed] = {}
    for placed in needs:
        same = placed.need._replace(path=(), is_sure=True)
        known = found.get(same)
        if known is None or (placed.is_sure and not known.is_sure):
            found[same] = placed
    return list(found.values())


def _missing(placed: PlacedNeed, lack: Lack, severity: Severity) -> Missing:
    message = lack.message
    if placed.within is not None:
        message = f"The workflow {placed.within!r} cannot run: {message}"
    problem = Problem(lack.code, message, placed.at, lack.hint, severity)
    return Missing(problem, placed.is_sure and lack.is_sure)
