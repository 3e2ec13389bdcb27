"""Which files are in a folder, and nothing outside it?

No symbolic link is followed, at the end of a path or within it: what a folder holds is what is in
it. Each part of a path is opened from the one before, so a link that is put there meanwhile is
refused, too.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from flowc.rag.documents import DocumentRefused
from flowc.rag.ingestion.items import Item
from flowc.rag.reading.detection import suffix_format

_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_OPEN_FOLDER = _OPEN | os.O_DIRECTORY


class Folders:
    """The folders that may be read; a path names something in one of them, or from its root."""

    def __init__(self, roots: Sequence[Path]) -> None:
        self.roots = tuple(Path(os.path.abspath(root)) for root in roots)

    def locate(self, path: str) -> tuple[Path, PurePosixPath]:
        """Return the root that a path is in, and the way from there; raise DocumentRefused."""
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
        """Open a file; raise DocumentRefused."""
        root, way = self.locate(path)
        return open_within(root, way)

    def items(self, path: str, pattern: str = "*") -> Iterator[Item]:
        """Give the documents in a folder, or the one file, whose names fit; raise DocumentRefused.

        Files of a suffix that is not known are left out, unless they are named.
        """
        root, way = self.locate(path)
        if not _is_folder(root, way):
            open_within(root, way).close()
            yield Item(str(root / way), partial(open_within, root, way))
            return
        for found in _walk(root, way):
            if suffix_format(found.name) and fnmatchcase(str(found.relative_to(way)), pattern):
                yield Item(str(root / found), partial(open_within, root, found))


def open_within(root: Path, way: PurePosixPath) -> BinaryIO:
    """Open a plain file under a root, without following a link; raise DocumentRefused."""
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in way.parts[:-1]:
            descriptor = _step(descriptor, part, _OPEN_FOLDER)
        if way.parts:
            descriptor = _step(descriptor, way.parts[-1], _OPEN)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise DocumentRefused("document-not-allowed", f"{root / way} is no plain file.")
    except FileNotFoundError:
        os.close(descriptor)
        raise DocumentRefused("no-such-document", f"There is no file {root / way}.") from None
    except OSError:
        os.close(descriptor)
        message = f"{root / way} is a link, leads over one, or cannot be read."
        raise DocumentRefused("document-not-allowed", message) from None
    except DocumentRefused:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "rb")


def _step(descriptor: int, part: str, flags: int) -> int:
    following = os.open(part, flags, dir_fd=descriptor)
    os.close(descriptor)
    return following


def _is_folder(root: Path, way: PurePosixPath) -> bool:
    at = root / way
    return at.is_dir() and (not at.is_symlink() or not way.parts)


def _walk(root: Path, way: PurePosixPath) -> Iterator[PurePosixPath]:
    """Give the files under a folder in a fixed order; what is hidden is left out."""
    with os.scandir(root / way) as entries:
        found = sorted((e for e in entries if not e.name.startswith(".")), key=lambda e: e.name)
    for entry in found:
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(root, way / entry.name)
        elif entry.is_file(follow_symlinks=False):
            yield way / entry.name


def _not_allowed(path: str) -> DocumentRefused:
    message = f"{path!r} is not in a folder whose documents may be read."
    return DocumentRefused("document-not-allowed", message)
