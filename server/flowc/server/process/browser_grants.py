"""The sessions of browsers, and the tickets with which their pages open WebSockets."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from flowc.server.access.callers import Caller, Unauthenticated
from flowc.server.access.grants import Grant, digest_of, new_grant_secret
from flowc.server.process.gate import Gate
from flowc.server.records.times import now
from flowc.server.settings import Settings
from flowc.server.store.grants import StoredGrants

_TICKET_SECONDS = 30


class NewGrant(NamedTuple):
    """A session or ticket that was made just now, with its secret, which is not stored."""

    secret: str
    grant: Grant


class BrowserGrants:
    """Makes sessions and tickets, and recognises callers by them.

    Nothing of them is remembered here: what is ended in any process is over in all of them.
    """

    def __init__(self, gate: Gate, settings: Settings) -> None:
        self._gate, self._stored = gate, StoredGrants(gate.keys.database)
        self._lifetime = timedelta(hours=settings.session_hours)

    @property
    def is_open(self) -> bool:
        """Whether the server admits all clients, so that no session is needed."""
        return self._gate.is_open

    async def begin(self, caller: Caller) -> NewGrant:
        """Begin a session of a caller; it ends with the caller's own credential, if not earlier."""
        expires_at = now() + self._lifetime
        if (end := _end_of(caller)) is not None:
            expires_at = min(expires_at, end)
        return await self._new(caller, expires_at)

    async def caller(self, secret: str) -> Caller:
        """Return whose a session is; raise Unauthenticated."""
        return await self._holder(digest_of(secret))

    async def end(self, secret: str) -> None:
        """End a session at once, in all processes."""
        await self._stored.end(digest_of(secret))

    async def sessions(self, tenant: str) -> list[Grant]:
        """Return the sessions of a tenant that are not over."""
        return await self._stored.sessions(tenant)

    async def end_all(self, tenant: str, holder: str) -> int:
        """End all sessions of a caller at once, in all processes; return how many."""
        return await self._stored.end_all(tenant, holder)

    async def new_ticket(self, caller: Caller, run_id: str) -> NewGrant:
        """Return a ticket with which the caller can watch a run, once and within 30 seconds."""
        return await self._new(caller, now() + timedelta(seconds=_TICKET_SECONDS), run_id)

    async def use_ticket(self, secret: str, run_id: str) -> Caller:
        """Return whose a ticket is, and use it up; raise Unauthenticated."""
        grant = await self._stored.use_up(digest_of(secret))
        if grant is None or grant.run_id != run_id:
            raise Unauthenticated("The ticket is not valid: each is for one WebSocket of one run.")
        return await self.again(_caller_of(grant, grant.holder_expires_at))

    async def again(self, caller: Caller) -> Caller:
        """Return a caller as it is now; raise Unauthenticated if it is not any more."""
        if caller.session is not None:
            return await self._holder(caller.session)
        if caller.key_id is not None:
            return await self._gate.holder_of_key(caller.key_id)
        if caller.expires_at is not None and caller.expires_at <= time.time():
            raise Unauthenticated("The token has expired.")
        return caller

    async def _holder(self, session: str) -> Caller:
        grant = await self._stored.session_of(session)
        if grant is None:
            raise Unauthenticated("The session is over.")
        caller = _caller_of(grant, grant.expires_at)
        if grant.key_id is not None:
            # The key may be revoked, and its role may have other scopes by now.
            key = await self._gate.holder_of_key(grant.key_id)
            caller = replace(key, expires_at=caller.expires_at)
        return replace(caller, session=session)

    async def _new(
        self, caller: Caller, expires_at: datetime, run_id: str | None = None
    ) -> NewGrant:
        secret = new_grant_secret()
        grant = Grant(
            digest=digest_of(secret),
            tenant=caller.tenant,
            holder=caller.name,
            scopes=tuple(sorted(caller.scopes)),
            names=tuple(sorted(caller.names)),
            groups=tuple(sorted(caller.groups)),
            workflow_id=caller.workflow_id,
            key_id=caller.key_id,
            session=caller.session if run_id is not None else None,
            run_id=run_id,
            expires_at=expires_at,
            holder_expires_at=_end_of(caller),
        )
        await self._stored.add(grant)
        return NewGrant(secret, grant)


def _caller_of(grant: Grant, expires_at: datetime | None) -> Caller:
    return Caller(
        grant.tenant,
        grant.holder,
        frozenset(grant.scopes),
        grant.workflow_id,
        None if expires_at is None else expires_at.timestamp(),
        key_id=grant.key_id,
        session=grant.session,
        names=frozenset(grant.names),
        groups=frozenset(grant.groups),
    )


def _end_of(caller: Caller) -> datetime | None:
    return None if caller.expires_at is None else datetime.fromtimestamp(caller.expires_at, UTC)
