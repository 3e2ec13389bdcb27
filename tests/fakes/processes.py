"""The server and its workers as processes, which can be killed."""

import os
import random
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psycopg

from fakes.places import MODELS

Process = subprocess.Popen[bytes]
# Seconds that a test waits before it fails: more than anything takes on a machine that does much
# else at the same time, since how fast something is, no test says.
PATIENCE = 180.0


def free_port() -> int:
    """Return a port below those that the system gives away by itself, so that it stays free."""
    while True:
        port = random.randrange(20_000, 32_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def start(data: Path, command: list[str], env: Mapping[str, str] | None = None) -> Process:
    """Start a flowc command; what it says stands in a log beside its data."""
    own = {
        "FLOWC_DATA_DIR": str(data),
        "FLOWC_MODELS_FILE": str(MODELS),
        "FLOWC_DRAIN_SECONDS": "2",
        "FLOWC_WARM_MODELS": "false",
    }
    # A file, since a pipe would be held open by what the process started, after it was killed.
    with (data.parent / f"{data.name}.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "flowc.server", *command],
            env={**os.environ, **own, **(env or {})},
            stdout=log,
            stderr=log,
        )


@contextmanager
def serving(
    data: Path, env: Mapping[str, str] | None = None, *options: str
) -> Iterator[tuple[httpx.Client, Process]]:
    port = free_port()
    process = start(data, ["serve", "--port", str(port), *options], env)
    client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE, trust_env=False)
    try:
        _wait(client, process, data)
        yield client, process
    finally:
        client.close()
        process.terminate()
        process.wait(timeout=PATIENCE)


def _wait(client: httpx.Client, process: Process, data: Path) -> None:
    def answers() -> bool:
        try:
            return client.get("/ping").is_success
        except httpx.TransportError:
            said = (data.parent / f"{data.name}.log").read_text()[-3000:]
            assert process.poll() is None, f"the server ended: {said}"
            return False

    until(answers)


def new_database(postgres: str) -> dict[str, str]:
    """Make a database of a test's own, and name it in the environment of a server."""
    name = f"d{uuid.uuid4().hex[:8]}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
    return {"FLOWC_DATABASE_URL": postgres.replace("/postgres?", f"/{name}?")}


def until(look: Any) -> Any:
    """Look until there is something to see, and return it."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")
