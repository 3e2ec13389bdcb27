"""Copies a data folder while a server may use it, and puts such a copy in place."""

import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

from flowc.server.backups.archive import BackupRefused

_DATABASE, _DOCUMENTS = "flowc.db", "knowledge"
# What belongs to a process that runs, or is copied with its database.
_LEFT_OUT = (".lock", "-wal", "-shm", "-journal")
_SQLITE = frozenset({".db", ".sqlite3"})
_ATTEMPTS = 5


def copy_folder(data: Path, into: Path) -> None:
    """Copy the database and the documents of a data folder; raise BackupRefused.

    Databases are copied as SQLite's own backups, which are consistent while others write. Vectors
    are files beside them: if documents change meanwhile, all of them are copied again.
    """
    if not (data / _DATABASE).exists():
        raise BackupRefused(f"There is nothing to save: {data / _DATABASE} does not exist.")
    _copy_database(data / _DATABASE, into / _DATABASE)
    for _ in range(_ATTEMPTS):
        before = _state(data / _DOCUMENTS)
        shutil.rmtree(into / _DOCUMENTS, ignore_errors=True)
        for file in _files(data / _DOCUMENTS):
            target = into / file.relative_to(data)
            target.parent.mkdir(parents=True, exist_ok=True)
            if file.suffix in _SQLITE:
                _copy_database(file, target)
            else:
                shutil.copyfile(file, target)
        if _state(data / _DOCUMENTS) == before:
            return
    raise BackupRefused("Documents are being stored all the time: wait, or stop the server.")


def put_folder(copied: Path, data: Path) -> None:
    """Move a copy into a data folder that has none of it yet; raise BackupRefused."""
    names = [each.name for each in copied.iterdir()]
    for name in names:
        if (data / name).exists():
            raise BackupRefused(f"{data / name} exists: restore into an empty data folder.")
    data.mkdir(parents=True, exist_ok=True)
    for name in names:
        shutil.move(copied / name, data / name)


def _files(folder: Path) -> Iterator[Path]:
    for file in sorted(folder.rglob("*")):
        if file.is_file() and not file.name.endswith(_LEFT_OUT):
            yield file


def _state(folder: Path) -> Mapping[Path, tuple[int, int]]:
    """Return what changes when documents do: the sizes and times of files, and of their logs."""
    found = {}
    for file in folder.rglob("*"):
        if file.is_file() and not file.name.endswith((".lock", "-shm")):
            about = file.stat()
            found[file] = (about.st_size, about.st_mtime_ns)
    return found


def _copy_database(file: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
