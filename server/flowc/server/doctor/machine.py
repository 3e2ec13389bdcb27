"""Looks at the machine: versions, packages, the disk, the port and the sandboxes."""

import os
import platform
import shutil
import socket
from collections.abc import AsyncIterator, Iterator
from importlib.metadata import version
from pathlib import Path

import httpx

from flowc.server.doctor.finding import SetupFinding, broken, odd, well
from flowc.server.process.self_test import SelfTestFailed, self_test
from flowc.server.process_services import new_sandboxes
from flowc.server.settings import Settings

# Bytes below which a disk is nearly full.
_LITTLE = 1_000_000_000


async def versions() -> AsyncIterator[SetupFinding]:
    """Yield the versions, and whether the libraries behave as flowc needs."""
    about = f"flowc {version('flowc')}, Python {platform.python_version()}, {platform.system()}"
    yield well("version", about)
    try:
        await self_test()
    except SelfTestFailed as problem:
        hint = "Install the versions of requirements.lock, or `pip install --upgrade flowc`."
        yield broken("libraries", str(problem), hint)
    else:
        yield well("libraries", f"langgraph {version('langgraph')} behaves as flowc needs")


def disk(settings: Settings) -> Iterator[SetupFinding]:
    """Yield whether the data folder can be written to, and how much room there is."""
    folder = settings.data_dir
    there = _nearest(folder)
    if not os.access(there, os.W_OK | os.X_OK):
        hint = f"Give the user of the server the right to write to {there}, or set FLOWC_DATA_DIR."
        yield broken("data folder", f"{folder} cannot be written to", hint)
        return
    free = shutil.disk_usage(there).free
    if free < _LITTLE:
        hint = "Free some space, or set FLOWC_KEEP_RUNS_DAYS so that old runs are deleted."
        yield odd("data folder", f"{folder}: {free / 1e9:.1f} GB are free", hint)
    else:
        yield well("data folder", f"{folder}: {free / 1e9:.1f} GB are free")
    key = settings.admin_key_file
    if key.exists() and key.stat().st_mode & 0o077:
        yield odd("admin key", f"others can read {key}", f"chmod 600 {key}")


def _nearest(folder: Path) -> Path:
    """Return the folder, or the nearest one above it that exists."""
    folder = folder.resolve()
    while not folder.exists():
        folder = folder.parent
    return folder


def port(number: int) -> Iterator[SetupFinding]:
    """Yield whether a port is free, or what answers there."""
    try:
        with socket.create_server(("127.0.0.1", number)):
            yield well("port", f"{number} is free")
            return
    except OSError:
        pass
    try:
        answer = httpx.get(f"http://127.0.0.1:{number}/health", timeout=3, trust_env=False).json()
        yield well("port", f"a flowc server answers at {number}: {answer['status']}")
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        hint = "Stop it, or start the server with --port."
        yield odd("port", f"another program uses {number}", hint)


async def sandboxes() -> AsyncIterator[SetupFinding]:
    """Yield how well code is confined."""
    opened = new_sandboxes()
    try:
        levels = await opened.isolation()
    finally:
        await opened.aclose()
    shown = ", ".join(f"{name}: {level}" for name, level in levels.items())
    if "none" in levels.values():
        hint = (
            "Workflows with code run it unconfined by the kernel: Linux 5.13 or newer confines it."
        )
        yield odd("sandboxes", shown, hint)
    else:
        yield well("sandboxes", shown)
