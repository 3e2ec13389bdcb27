"""The tenants of a process: what it has for each of them, made when it is first asked for."""

from dataclasses import dataclass, replace
from typing import Any

from flowc.compiler.node.registry import Registry
from flowc.server.access.callers import DEFAULT_TENANT, Caller
from flowc.server.cases.tenant_cases import TenantCases
from flowc.server.conversations.chat import Chat
from flowc.server.engine.publishing.watchers import Watchers
from flowc.server.engine.queue.dbos_queue import Queue
from flowc.server.engine.segments import Segments
from flowc.server.environment.environment import Environment
from flowc.server.process_services import ProcessServices
from flowc.server.runs.changes import Changes
from flowc.server.runs.replays import Replays
from flowc.server.runs.runs import Runs
from flowc.server.secrets.keeper import Rotation, SecretKeeper
from flowc.server.store import Database, StoredCache, StoredRuns, StoredWorkflows
from flowc.server.store.analytics.figures import Figures
from flowc.server.store.cases import StoredCases
from flowc.server.store.drafts import StoredDrafts
from flowc.server.store.files import StoredFiles
from flowc.server.store.remote_types import StoredRemoteTypes
from flowc.server.store.runs.changes import StoredChanges
from flowc.server.store.runs.steering import Steering
from flowc.server.store.runs.work_queue import Subject
from flowc.server.store.secrets import SecretTenants, StoredSecrets
from flowc.server.store.threads import StoredThreads
from flowc.server.store.triggers import StoredTriggers
from flowc.server.tenant_services import TenantServices
from flowc.server.traces.run_spans import RunTracing
from flowc.server.triggers.deliveries import Deliveries
from flowc.server.triggers.dependencies import WorkflowDependencies
from flowc.server.triggers.schedules import Schedules
from flowc.server.triggers.webhooks import Webhooks
from flowc.server.workflows.bundles import Bundles
from flowc.server.workflows.compiled import Workflows, known_workflows
from flowc.server.workflows.drafts import Drafts
from flowc.server.workflows.remote_types import TenantTypes


@dataclass(frozen=True, kw_only=True)
class Tenant:
    """What a process has for one tenant: workflows, runs, and all that starts them."""

    services: TenantServices
    secrets: SecretKeeper
    stored_workflows: StoredWorkflows
    stored_runs: StoredRuns
    workflows: Workflows
    drafts: Drafts
    cases: TenantCases
    bundles: Bundles
    runs: Runs
    schedules: Schedules
    replays: Replays
    changes: Changes
    webhooks: Webhooks
    deliveries: Deliveries
    dependencies: WorkflowDependencies
    threads: StoredThreads
    files: StoredFiles
    chat: Chat
    figures: Figures

    def look_again(self) -> None:
        """Check again what workflows need here, before their next run: something is gone."""
        if self.runs.environment is not None:
            self.runs.environment.changed()

    def acting_for(self, caller: Caller) -> "Tenant":
        """Return the same, in which runs are started and questions answered by a caller."""
        runs = self.runs.acting_for(caller)
        return replace(
            self,
            runs=runs,
            chat=replace(self.chat, runs=runs),
            replays=replace(self.replays, runs=runs),
        )


class Tenants:
    """The tenants of a process, by their names; all of them share what does the work."""

    def __init__(
        self,
        registry: Registry,
        database: Database,
        services: ProcessServices,
        steering: Steering,
        queue: Queue,
        watchers: Watchers,
        *,
        tracing: RunTracing,
    ) -> None:
        self._tracing = tracing
        self._registry, self._database, self._services = registry, database, services
        self._steering, self._queue, self._watchers = steering, queue, watchers
        self._segments: Segments | None = None
        self._open: dict[str, Tenant] = {}
        self._known = known_workflows()

    def work_on(self, segments: Segments) -> None:
        """Work on the runs of all tenants in this process."""
        self._segments = segments

    def of(self, name: str) -> Tenant:
        """Return what the process has for a tenant."""
        if name not in self._open:
            self._open[name] = self._opened(name)
        return self._open[name]

    async def receiving(self, name: str, path: str) -> Tenant:
        """Return a tenant that has a webhook of this path; raise NoSuchTrigger.

        Anyone can ask for it, so nothing is made for a tenant that does not exist.
        """
        await StoredTriggers(self._database, name, self._queue).webhook(path)
        return self.of(name)

    async def deliver(self, subject: str) -> None:
        """Try to deliver a message to a subscriber."""
        tenant, id = Subject.read(subject)
        await self.of(tenant).deliveries.deliver(id)

    async def depend(self, subject: str) -> None:
        """Start the workflows that depend on a run that ended."""
        tenant, id = Subject.read(subject)
        await self.of(tenant).dependencies.begin(id)

    async def fire(self, context: dict[str, Any], moment: str, is_asked: bool) -> None:
        """Start the run of a scheduled time."""
        tenant = context.get("tenant", DEFAULT_TENANT)
        await self.of(tenant).schedules.fire(context, moment, is_asked)

    async def rotate_secrets(self, name: str, *, is_all: bool) -> Rotation:
        """Seal the secrets of a tenant with the newest key, or those of all; raise NoSealingKey."""
        others = await SecretTenants(self._database).names() if is_all else []
        done = [await self.of(each).secrets.rotate() for each in dict.fromkeys([name, *others])]
        return Rotation(sum(each.resealed for each in done), sum(each.remaining for each in done))

    async def aclose(self) -> None:
        """Close the services of all tenants."""
        for tenant in self._open.values():
            await tenant.services.aclose()

    def _opened(self, name: str) -> Tenant:
        database, queue = self._database, self._queue
        stored_workflows = StoredWorkflows(database, name)
        stored_runs = StoredRuns(database, name)
        files, threads = StoredFiles(database, name), StoredThreads(database, name)
        triggers = StoredTriggers(database, name, queue)
        cache, secrets = StoredCache(database, name), StoredSecrets(database, name)
        services = TenantServices(self._services, name, cache, files, secrets)
        types = TenantTypes(self._registry, StoredRemoteTypes(database, name))
        workflows = Workflows(stored_workflows, types, self._known)
        runs = self._runs(name, stored_runs, stored_workflows, services)
        return Tenant(
            services=services,
            secrets=SecretKeeper(self._services.seals, secrets),
            stored_workflows=stored_workflows,
            stored_runs=stored_runs,
            workflows=workflows,
            bundles=Bundles(stored_workflows, workflows),
            drafts=Drafts(StoredDrafts(database, name), stored_workflows, workflows),
            cases=TenantCases(
                StoredCases(database, name), stored_workflows, stored_runs, workflows, services
            ),
            runs=runs,
            schedules=Schedules(name, queue, workflows, stored_workflows, runs),
            replays=Replays(stored_runs, stored_workflows, workflows, runs),
            changes=Changes(name, stored_runs, workflows, StoredChanges(database)),
            webhooks=Webhooks(triggers, workflows, stored_workflows, runs, services),
            deliveries=Deliveries(triggers, stored_workflows, services),
            dependencies=WorkflowDependencies(
                triggers, workflows, stored_workflows, stored_runs, runs
            ),
            threads=threads,
            files=files,
            chat=Chat(runs, threads, stored_workflows, workflows),
            figures=Figures(database, name),
        )

    def _runs(
        self,
        name: str,
        stored_runs: StoredRuns,
        stored_workflows: StoredWorkflows,
        services: TenantServices,
    ) -> Runs:
        # Other processes may have other keys and secrets.
        works = self._segments is not None
        return Runs(
            tenant=name,
            stored_runs=stored_runs,
            stored_workflows=stored_workflows,
            steering=self._steering,
            watchers=self._watchers,
            segments=self._segments,
            environment=Environment(services, self._services.settings) if works else None,
            caller=Caller(name, "the server"),
            tracing=self._tracing,
        )
