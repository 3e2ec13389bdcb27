"""Starts the server and its workers as processes that a test can kill."""

import os
import random
import re
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
# Seconds that a test waits before it fails. No test measures speed, so this is longer than anything
# takes on a busy machine.
PATIENCE = 180.0


def free_port() -> int:
    """Return a free port below the range that the system assigns from, so that it stays free."""
    while True:
        port = random.randrange(20_000, 32_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def start(data: Path, command: list[str], env: Mapping[str, str] | None = None) -> Process:
    """Start a flowc command; its output goes to a log file next to its data folder."""
    own = {
        "FLOWC_DATA_DIR": str(data),
        "FLOWC_MODELS_FILE": str(MODELS),
        "FLOWC_DRAIN_SECONDS": "2",
        "FLOWC_WARM_MODELS": "false",
        # Most tests are not about access.
        "FLOWC_AUTH": "off",
    }
    # A file, since the children of a killed process would hold a pipe open.
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
    """Run `flowc serve` until the block ends; yield a client of it, and its process."""
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
            log = (data.parent / f"{data.name}.log").read_text()[-3000:]
            assert process.poll() is None, f"the server ended: {log}"
            return False

    until(answers)


def new_database(postgres: str) -> dict[str, str]:
    """Create an empty database, and return the environment that names it."""
    name = f"d{uuid.uuid4().hex[:8]}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
    return {"FLOWC_DATABASE_URL": postgres.replace("/postgres?", f"/{name}?")}


def memory_of(process: Process) -> float:
    """Return the megabytes of memory that a process uses."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1_000


def until(look: Any) -> Any:
    """Call `look` until it returns something true, and return that."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")
