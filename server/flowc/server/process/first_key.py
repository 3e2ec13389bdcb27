"""The first API key: an administrator's, made when a database has none."""

import os
import sys
from pathlib import Path

from flowc.server.access.api_keys import KeyText
from flowc.server.access.callers import DEFAULT_TENANT
from flowc.server.access.scopes import CallerRole, scopes_of
from flowc.server.process.gate import Gate, KeyWish
from flowc.server.settings import Settings

_ONLY_MINE = 0o600


async def make_first_key(settings: Settings, gate: Gate, *, is_shown: bool) -> None:
    """Make the key, keep it in a file that only its owner can read, and say so once.

    The file is there before the key is stored: a crash between the two leaves a key that the next
    start stores, and never one that is lost. So an operator can put a key there before, too.
    """
    if gate.is_open or await gate.keys.has_any():
        return
    wish = KeyWish("first", scopes_of(CallerRole.ADMIN), CallerRole.ADMIN)
    path = settings.admin_key_file
    given = _given(path)
    made = await gate.new_key(DEFAULT_TENANT, "the first start", wish, given)
    if given is None:
        _write(path, made.text)
    if not await gate.keys.add_first(made.key):
        # Another process was first.
        if given is None:
            path.unlink(missing_ok=True)
        return
    is_shown = is_shown and given is None
    shown = f": {made.text}" if is_shown else "."
    sys.stderr.write(
        f"The first API key, an administrator's, is in {path}; commands on this machine use it"
        f"{shown}\n"
    )


def _given(path: Path) -> KeyText | None:
    """Return the key that is in the file; None without one."""
    try:
        return KeyText.read(path.read_text().strip())
    except (OSError, UnicodeDecodeError):
        return None


def _write(path: Path, text: str) -> None:
    # On PostgreSQL, the folder may be for this file alone.
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _ONLY_MINE)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{text}\n")
