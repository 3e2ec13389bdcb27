"""Lists and opens the files in the folders that may be read, and nothing outside them.

Symbolic links are not followed, neither at the end of a path nor within it. Each part of a path is
opened from the descriptor of the part before, so a link that replaces a folder between the check
and the opening is refused, too.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from flowc.rag.documents import DocumentRefused
from flowc.rag.ingestion.items import DocumentItem
from flowc.rag.reading.detection import format_of_name

# Without O_NONBLOCK, opening a named pipe would wait for a writer.
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_OPEN_FOLDER = _OPEN | os.O_DIRECTORY


class Folders:
    """The folders that may be read; a path is absolute, or relative to the only one."""

    def __init__(self, roots: Sequence[Path]) -> None:
        self.roots = tuple(Path(os.path.abspath(root)) for root in roots)

    def locate(self, path: str) -> tuple[Path, PurePosixPath]:
        """Return the folder that a path is in, and the path from there; raise DocumentRefused."""
        if "\0" in path or ".." in PurePosixPath(path).parts:
            raise _not_allowed(path)
        if not os.path.isabs(path):
            if len(self.roots) != 1:
                raise _not_allowed(path)
            return self.roots[0], PurePosixPath(path)
        for root in self.roots:
            if Path(path).is_relative_to(root):
                return root, PurePosixPath(Path(path).relative_to(root))
        raise _not_allowed(path)

    def open(self, path: str) -> BinaryIO:
        """Open a file for reading; raise DocumentRefused."""
        root, way = self.locate(path)
        return _open_file(root, way)

    def items(self, path: str, pattern: str = "*") -> Iterator[DocumentItem]:
        """Yield the documents in a folder whose paths match a pattern; raise DocumentRefused.

        Of a file, yield that one. In a folder, files with an unknown suffix are left out.
        """
        root, way = self.locate(path)
        descriptor = _descend(root, way)
        try:
            if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
                _require_file(descriptor, root / way)
                yield DocumentItem(str(root / way), partial(_open_file, root, way))
                return
            for name in _walk(descriptor, root / way, PurePosixPath()):
                if format_of_name(name.name) and fnmatchcase(str(name), pattern):
                    yield DocumentItem(
                        str(root / way / name), partial(_open_file, root, way / name)
                    )
        finally:
            os.close(descriptor)


def _open_file(root: Path, way: PurePosixPath) -> BinaryIO:
    descriptor = _descend(root, way)
    try:
        _require_file(descriptor, root / way)
    except DocumentRefused:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "rb")


def _require_file(descriptor: int, path: Path) -> None:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise DocumentRefused("document-not-allowed", f"{path} is not a regular file.")


def _descend(root: Path, way: PurePosixPath) -> int:
    """Open what a path leads to, each part from the one before; raise DocumentRefused.

    For `way` = `sub/a.txt`, it opens the root, then `sub` in it, then `a.txt` in that. Opening
    `root/sub/a.txt` at once would follow `sub` if it were a link.
    """
    with _refusing(root / way):
        # The operator chose the root, so it may be a link.
        descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        for number, part in enumerate(way.parts, 1):
            folder, flags = descriptor, _OPEN if number == len(way.parts) else _OPEN_FOLDER
            try:
                descriptor = os.open(part, flags, dir_fd=folder)
            finally:
                os.close(folder)
    return descriptor


def _walk(folder: int, path: Path, way: PurePosixPath) -> Iterator[PurePosixPath]:
    """Yield the files under an open folder in a fixed order, without hidden ones."""
    with _refusing(path / way), os.scandir(folder) as entries:
        found = sorted((e for e in entries if not e.name.startswith(".")), key=lambda e: e.name)
    for entry in found:
        if entry.is_file(follow_symlinks=False):
            yield way / entry.name
        elif entry.is_dir(follow_symlinks=False):
            with _refusing(path / way / entry.name):
                try:
                    inner = os.open(entry.name, _OPEN_FOLDER, dir_fd=folder)
                except FileNotFoundError:
                    continue  # it was deleted after it was listed
            try:
                yield from _walk(inner, path, way / entry.name)
            finally:
                os.close(inner)


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    """Turn the system's errors into DocumentRefused."""
    try:
        yield
    except FileNotFoundError:
        raise DocumentRefused("no-such-document", f"There is no file {path}.") from None
    except OSError:
        message = f"{path} is a symbolic link, passes through one, or cannot be read."
        raise DocumentRefused("document-not-allowed", message) from None


def _not_allowed(path: str) -> DocumentRefused:
    message = f"{path!r} is not in a folder whose documents may be read."
    return DocumentRefused("document-not-allowed", message)
