"""How are runs kept, and what their nodes did?"""

from collections.abc import Sequence

from sqlalchemy import delete, func, select, update

from flowc.server.records import NodeRecord, RunRecord, now
from flowc.server.store.database import Database
from flowc.server.store.tables import RunNodeRow, RunRow


class NoSuchRun(Exception):
    """Whoever names a run that is not there, or not theirs, meets this."""


_RUN_FIELDS = (
    "id", "workflow_id", "version", "hash", "status", "input", "output", "error", "usage",
    "created_at", "started_at", "finished_at",
)  # fmt: skip
_NODE_FIELDS = (
    "status", "runs", "output", "error", "attempts", "duration_ms", "started_at", "finished_at"
)  # fmt: skip


class StoredRuns:
    """One tenant's runs."""

    def __init__(self, database: Database, tenant: str) -> None:
        self._database, self._tenant = database, tenant

    async def save(self, run: RunRecord) -> None:
        """Keep a run as it is now."""
        fields = {name: getattr(run, name) for name in _RUN_FIELDS}
        async with self._database.transaction() as session:
            await session.merge(RunRow(tenant=self._tenant, **fields))
            await session.flush()
            await session.execute(delete(RunNodeRow).where(RunNodeRow.run_id == run.id))
            for position, (node_id, record) in enumerate(run.nodes.items()):
                values = {name: getattr(record, name) for name in _NODE_FIELDS}
                session.add(RunNodeRow(run_id=run.id, node_id=node_id, position=position, **values))

    async def get(self, id: str) -> RunRecord:
        """Return a run with its nodes; raise NoSuchRun."""
        async with self._database.transaction() as session:
            row = await session.get(RunRow, id)
            if row is None or row.tenant != self._tenant:
                raise NoSuchRun(id)
            nodes = await session.scalars(
                select(RunNodeRow).where(RunNodeRow.run_id == id).order_by(RunNodeRow.position)
            )
            return _record(row, list(nodes))

    async def list(
        self, limit: int, offset: int, workflow_id: str | None = None
    ) -> tuple[list[RunRecord], int]:
        """Return a page of runs, newest first, without their nodes; and how many there are."""
        mine = [RunRow.tenant == self._tenant]
        if workflow_id is not None:
            mine.append(RunRow.workflow_id == workflow_id)
        async with self._database.transaction() as session:
            total = await session.scalar(select(func.count()).select_from(RunRow).where(*mine))
            rows = await session.scalars(
                select(RunRow)
                .where(*mine)
                .order_by(RunRow.created_at.desc(), RunRow.id)
                .limit(limit)
                .offset(offset)
            )
            return [_record(row, []) for row in rows], int(total or 0)

    async def unfinished(self, hash: str, version: tuple[str, int] | None = None) -> Sequence[str]:
        """Return the runs that are not at their end, oldest first, of a definition by its hash.

        Those of a `version` (a workflow's id, and its number) are among them, whatever the stored
        workflows were that it used when they began.
        """
        pinned = RunRow.hash == hash
        if version is not None:
            of_version = (RunRow.workflow_id == version[0]) & (RunRow.version == version[1])
            pinned = pinned | of_version
        async with self._database.transaction() as session:
            found = await session.scalars(
                select(RunRow.id)
                .where(
                    RunRow.tenant == self._tenant,
                    pinned,
                    RunRow.status.in_(["pending", "running", "paused", "waiting"]),
                )
                .order_by(RunRow.created_at)
            )
            return found.all()

    async def fail_unfinished(self) -> int:
        """Mark the runs that a stopped server left unfinished; return how many there were."""
        error = {"code": "server-stopped", "message": "The server stopped during the run."}
        async with self._database.transaction() as session:
            ended = await session.execute(
                update(RunRow)
                .where(RunRow.tenant == self._tenant, RunRow.status.in_(["pending", "running"]))
                .values(status="failed", error=error, finished_at=now())
                .returning(RunRow.id)
            )
            return len(ended.all())


def _record(row: RunRow, nodes: list[RunNodeRow]) -> RunRecord:
    return RunRecord(
        **{name: getattr(row, name) for name in _RUN_FIELDS},
        nodes={
            node.node_id: NodeRecord(**{name: getattr(node, name) for name in _NODE_FIELDS})
            for node in nodes
        },
    )
