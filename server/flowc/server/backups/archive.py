"""The file of a backup: a tar archive with a manifest that lists every file and its digest."""

import hashlib
import json
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from flowc.server.records.refused import Refused

MANIFEST = "manifest.json"
# Another number when an older flowc could not restore it.
FORM = 1


class BackupRefused(Refused):
    """The backup cannot be made or restored."""

    def __init__(self, why: str) -> None:
        super().__init__(why)


@dataclass(frozen=True)
class Manifest:
    """What a backup has: `files` are digests (SHA-256) by name, `schema` the last migration."""

    form: int
    database: Literal["sqlite", "postgresql"]
    flowc: str
    schema: str
    created_at: str
    files: Mapping[str, str]


def pack(file: Path, folder: Path, about: Mapping[str, Any]) -> Manifest:
    """Write the files of a folder as a backup; it is there whole or not at all."""
    names = sorted(str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file())
    files = {name: _digest(folder / name) for name in names}
    manifest = Manifest(**about, form=FORM, files=files)
    (folder / MANIFEST).write_text(json.dumps(asdict(manifest), indent=1), encoding="utf-8")
    unfinished = file.with_name(f".{file.name}.unfinished")
    try:
        with tarfile.open(unfinished, "w:gz", compresslevel=5) as archive:
            for name in (MANIFEST, *names):
                archive.add(folder / name, name)
        unfinished.chmod(0o600)
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)
    return manifest


def unpack(file: Path, folder: Path) -> Manifest:
    """Extract a backup into a folder, and check each file; raise BackupRefused."""
    try:
        with _opened(file) as archive:
            manifest = _manifest(archive)
            for name in manifest.files:
                if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
                    raise BackupRefused(f"The backup has a file outside of it: {name!r}.")
                archive.extract(name, folder, filter="data")
    except (OSError, EOFError, tarfile.TarError, KeyError) as problem:
        raise BackupRefused(f"{file} cannot be read as a backup: {problem}.") from None
    for name, digest in manifest.files.items():
        if _digest(folder / name) != digest:
            raise BackupRefused(f"{file} is damaged: {name} is not what was saved.")
    return manifest


@contextmanager
def _opened(file: Path) -> Iterator[tarfile.TarFile]:
    with tarfile.open(file, "r:gz") as archive:
        yield archive


def _manifest(archive: tarfile.TarFile) -> Manifest:
    found = archive.extractfile(MANIFEST)
    data = json.loads(found.read()) if found is not None else {}
    if not isinstance(data, dict) or data.get("form") != FORM:
        raise BackupRefused("Another version of flowc made this backup; restore it with that.")
    return Manifest(**data)


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
