"""Answers for each kind of need whether this environment has it, and if not, what to set."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import NamedTuple

from flowc.compiler.diagnostics import did_you_mean
from flowc.compiler.extras import how_to_install, missing_packages, not_installed
from flowc.compiler.node import Need, NeedKind, NodeError
from flowc.nodes.services.egress.foresight import Foreseen, refusal_of
from flowc.nodes.services.models import Models
from flowc.nodes.services.models.keys import UNKNOWN
from flowc.rag.documents import DocumentRefused
from flowc.rag.embedding import OfflineEmbedder
from flowc.rag.folders import Folders
from flowc.server.access.callers import DEFAULT_TENANT
from flowc.server.settings import Settings, is_sqlite
from flowc.server.tenant_services import TenantServices


class Lack(NamedTuple):
    """What is missing: the code and the sentence of its diagnostic, and what to do.

    A node may work without it, unless `is_sure`.
    """

    code: str
    message: str
    hint: str
    is_sure: bool = True


@dataclass
class Offered:
    """What the environment has, for one look: the services of the process, and the settings."""

    services: TenantServices
    settings: Settings
    _collections: Mapping[str, str] | None = None
    _is_read: bool = False

    async def collections(self) -> Mapping[str, str] | None:
        """Return the model of each collection; None if that cannot be read now."""
        if missing_packages("documents"):
            return None
        # Imported here: few workflows search documents, and databases take a while to import.
        from flowc.server.environment.collections import models_of_collections  # noqa: PLC0415

        if not self._is_read:
            self._collections = await asyncio.to_thread(
                models_of_collections, self.settings, self.services.tenant
            )
            self._is_read = True
        return self._collections


_Answer = Callable[[Offered, Need], Awaitable[Lack | None]]


async def lack_of(offered: Offered, need: Need) -> Lack | None:
    """Return what is missing for a need; None if nothing is, or only a run can tell."""
    answer = _ANSWERS.get(need.kind)
    return await answer(offered, need) if answer is not None else None


async def _model(offered: Offered, need: Need) -> Lack | None:
    models, name = offered.services.models, need.name
    if not models.is_offline(name) and (lack := _without("models")) is not None:
        return lack
    refused = await models.refusal(name, of_words=need.kind == "model")
    if refused is None:
        return None
    message = f"{refused.reason} ({name})." if name in models.aliases else f"{refused.reason}."
    if refused.code == UNKNOWN:
        return Lack("unknown-model", message, _known_model(name, models))
    hint = "Set a key for it in the file of FLOWC_MODELS_FILE."
    if refused.variable is not None:
        hint = f"export {refused.variable}=…, or set a key in the file of FLOWC_MODELS_FILE."
    return Lack("missing-model-key", message, hint, refused.is_sure)


def _known_model(name: str, models: Models) -> str:
    """Return what to write in place of a model that no one knows."""
    if name in models.aliases:
        return f"Write provider/model as the `model` of {name!r} in the file of FLOWC_MODELS_FILE."
    if not name:
        return "Set FLOWC_DEFAULT_MODEL to provider/model, or to an alias."
    add = f"Write provider/model, or add {name!r} to the file of FLOWC_MODELS_FILE."
    return " ".join(filter(None, (did_you_mean(name, models.aliases), add)))


async def _embedding(offered: Offered, need: Need) -> Lack | None:
    name = need.name or offered.settings.embedding_model
    if offered.services.models.name_of(name) == OfflineEmbedder.name:
        return None
    return await _model(offered, need._replace(name=name))


async def _secret(offered: Offered, need: Need) -> Lack | None:
    try:
        if await offered.services.secrets.find(need.name) is not None:
            return None
    except NodeError:
        # It is there, as far as is known now; the node says why it cannot be read.
        return None
    hint = offered.services.secret_hint(need.name)
    settings = offered.settings
    can_seal = bool(settings.sealing_keys or settings.sealing_keys_file)
    if offered.services.tenant == DEFAULT_TENANT and not can_seal:
        variable = f"FLOWC_SECRET_{need.name.upper()}"
        hint = f"export {variable}=…, or add it to the file of FLOWC_SECRETS_FILE."
    return Lack("missing-secret", f"The secret {need.name!r} is not set.", hint)


async def _env(offered: Offered, need: Need) -> Lack | None:
    if need.name in offered.services.env:
        return None
    hint = "Give it a default in `env`, or set it under the tenant in the file of FLOWC_ENV_FILE."
    if offered.services.tenant == DEFAULT_TENANT:
        hint = f"export FLOWC_ENV_{need.name.upper()}=…, or give it a default in `env`."
    return Lack("missing-env", f"The environment value {need.name!r} is not set.", hint)


async def _address(offered: Offered, need: Need) -> Lack | None:
    # In a thread: the first time, it imports httpx.
    found = await asyncio.to_thread(refusal_of, offered.services.http.policy, need.origin)
    if found is None:
        return None
    if found.host is None:
        # The client of MCP takes other forms of addresses, too.
        message = f"The address cannot be called: {found.reason}."
        return Lack("refused-address", message, _ADDRESS) if need.kind == "url" else None
    message = f"A connection to {found.host!r} is not allowed ({found.reason})."
    return Lack("refused-address", message, _remedy_for(found))


_ADDRESS = "Write an address such as https://api.example.com/items."


def _remedy_for(found: Foreseen) -> str:
    if found.reason == "metadata":
        return "Call another address: cloud machines get their credentials at this one."
    if found.reason == "own address":
        return "Call another address: FLOWC_OWN_ADDRESSES lists this one as the server's own."
    if found.address is None:
        return "Use another port, or allow its network and port in FLOWC_EGRESS_ALLOW."
    return f"export FLOWC_EGRESS_ALLOW={found.address}:{found.port}"


async def _file(offered: Offered, need: Need) -> Lack | None:
    folders = offered.services.knowledge.sources.folders
    look = _open_file if need.kind == "file" else _open_folder
    try:
        await asyncio.to_thread(look, folders, need.name)
    except DocumentRefused as refused:
        if refused.code == "no-such-document":
            hint = "Check the path, or put the file there."
            return Lack("file-not-found", refused.message, hint)
        return Lack("file-not-allowed", refused.message, _folders_for(folders, need.name))
    return None


def _open_file(folders: Folders, path: str) -> None:
    folders.open(path).close()


def _open_folder(folders: Folders, path: str) -> None:
    found = folders.items(path)
    next(found, None)


def _folders_for(folders: Folders, path: str) -> str:
    known = ", ".join(map(str, folders.roots))
    if known:
        return f"FLOWC_DOCUMENT_DIRS allows {known}: write the path of a file there."
    folder = PurePath(path).parent if PurePath(path).is_absolute() else "FOLDER"
    return f"export FLOWC_DOCUMENT_DIRS={folder}"


async def _mcp_server(offered: Offered, need: Need) -> Lack | None:
    known = offered.services.mcp.names
    if need.name in known:
        return None
    hint = did_you_mean(need.name, known) or "Add it to the file of FLOWC_MCP_FILE."
    return Lack("unknown-mcp-server", f"There is no MCP server {need.name!r}.", hint)


async def _collection(offered: Offered, need: Need) -> Lack | None:
    known = await offered.collections()
    if known is None or need.name in known:
        return None
    ingest = f"Create it: flowc ingest FOLDER --collection {need.name}"
    hint = did_you_mean(need.name, known) or ingest
    return Lack("unknown-collection", f"There is no collection {need.name!r}.", hint)


async def _vectors(offered: Offered, need: Need) -> Lack | None:
    model = (await offered.collections() or {}).get(need.name, "")
    named = offered.services.models.alias_for(model) if model else ""
    return await _embedding(offered, need._replace(name=named))


async def _extra(offered: Offered, need: Need) -> Lack | None:
    # With PostgreSQL, nothing of a collection is in the data folder.
    is_there = need.name == "rag" and not is_sqlite(offered.settings.database)
    return _without("documents" if is_there else need.name)


def _without(extra: str) -> Lack | None:
    missing = missing_packages(extra)
    if not missing:
        return None
    return Lack("missing-extra", not_installed(extra, missing), how_to_install(extra))


# An uploaded file is not among them: only the server's database knows it.
_ANSWERS: Mapping[NeedKind, _Answer] = {
    "model": _model,
    "embedding": _embedding,
    "ranking": _model,
    "media": _model,
    "secret": _secret,
    "env": _env,
    "url": _address,
    "mcp-url": _address,
    "file": _file,
    "files": _file,
    "mcp-server": _mcp_server,
    "collection": _collection,
    "vectors": _vectors,
    "extra": _extra,
}
