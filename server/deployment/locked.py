"""Prints the part of requirements.lock that some packages need, with its hashes.

    python server/deployment/locked.py 'dist/flowc-1.0-py3-none-any.whl[server,rag]' > locked.txt
    pip install --no-deps --require-hashes -r locked.txt

pip finds out which packages they are, at the versions of the lock. It takes hashes only where
each package has one, which a wheel in a folder has not: so this is done in two steps.
"""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
_ENTRY = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(\[[^\]]*\])?==")


def entries(lock: str) -> Iterator[tuple[str, str]]:
    """Yield each package of a lock by its name, and all its lines."""
    for text in re.split(r"^(?=[A-Za-z0-9])", lock, flags=re.MULTILINE):
        if found := _ENTRY.match(text):
            yield _plain(found["name"]), text


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def versions(lock: str) -> str:
    """Return a lock without hashes: each package with its version, and for which systems."""
    return "\n".join(text.partition("\\")[0].strip() for _, text in entries(lock))


def resolved(wanted: Iterable[str], lock: str) -> Mapping[str, str]:
    """Return the versions of the packages that pip would install, by their names."""
    with tempfile.TemporaryDirectory() as folder:
        constraints, report = Path(folder, "constraints.txt"), Path(folder, "report.json")
        constraints.write_text(versions(lock))
        pip = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed"]
        command = [*pip, "-q", "-c", str(constraints), "--report", str(report), *wanted]
        subprocess.run(command, check=True, stdout=sys.stderr)
        found = json.loads(report.read_text())["install"]
    return {_plain(each["metadata"]["name"]): each["metadata"]["version"] for each in found}


def main() -> None:
    """Print what the arguments need."""
    lock = (ROOT / "requirements.lock").read_text()
    found = resolved(sys.argv[1:], lock)
    known = [(name, text) for name, text in entries(lock) if name in found]
    own = {"flowc"}
    missing = set(found) - {name for name, _ in known} - own
    if missing:
        sys.exit(f"requirements.lock has no {', '.join(sorted(missing))}: run `make lock`.")
    sys.stdout.write("".join(text for _, text in known))


if __name__ == "__main__":
    main()
