"""Chooses where a command finds runs: in a server, or in the database on this machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flowc.server.cli.local_settings import read_settings
from flowc.server.cli.output import wrong

if TYPE_CHECKING:
    from flowc.server.cli.database_runs import DatabaseRuns
    from flowc.server.cli.server_client import ServerClient
    from flowc.server.settings import Settings


@contextmanager
def open_server(url: str | None) -> Iterator["ServerClient"]:
    """Connect to a server; a request that fails ends the command with one sentence.

    Without a URL, it is the server of FLOWC_SERVER_URL, or the default one on this machine.
    """
    # Imported here: the other commands need no HTTP client.
    from flowc.server.cli.server_client import (  # noqa: PLC0415
        DEFAULT_URL,
        ServerClient,
        ServerProblem,
    )

    try:
        settings = read_settings()
        chosen = url or settings.server_url or DEFAULT_URL
        with ServerClient(chosen, _key_for(chosen, settings)) as server:
            yield server
    except ServerProblem as problem:
        wrong(str(problem))


def _key_for(url: str, settings: "Settings") -> str | None:
    """Return the key for a server; the administrator's is only for a server of this machine."""
    from flowc.server.cli.server_client import is_this_machine  # noqa: PLC0415

    if settings.api_key is not None or not is_this_machine(urlsplit(url).hostname or ""):
        return settings.api_key
    try:
        return settings.admin_key_file.read_text().strip()
    except OSError:
        return None


@contextmanager
def open_runs(url: str | None) -> Iterator["ServerClient | DatabaseRuns"]:
    """Open the runs of the server that is named here or in FLOWC_SERVER_URL, else the local ones.

    Reading needs no server, so the default one is not asked: it may store its runs elsewhere.
    """
    if url or read_settings().server_url:
        with open_server(url) as server:
            yield server
    else:
        from flowc.server.cli.database_runs import DatabaseRuns  # noqa: PLC0415 - loads the database

        yield DatabaseRuns()
