"""Texts and bytes that are read and written like files."""

from typing import Any

_PARTS = {"text": "\n", "bytes": b"\n"}


class _Buffer:
    """A text or bytes, and a place in it."""

    def __init__(self, value: Any, kind: str) -> None:
        self.value, self.at, self.closed = value, 0, False
        self.end = _PARTS[kind]

    def read(self, size: Any = -1) -> Any:
        """Return the next characters, or all that are left."""
        rest = self.value[self.at :]
        found = rest if size is None or size < 0 else rest[:size]
        self.at += len(found)
        return found

    def readline(self) -> Any:
        """Return the next line, with its end."""
        rest = self.value[self.at :]
        end = rest.find(self.end)
        return self.read(len(rest) if end < 0 else end + 1)

    def readlines(self) -> list[Any]:
        """Return the lines that are left."""
        found = []
        line = self.readline()
        while line:
            found.append(line)
            line = self.readline()
        return found

    def write(self, piece: Any) -> int:
        """Put a piece at the place."""
        self.value = self.value[: self.at] + piece + self.value[self.at + len(piece) :]
        self.at += len(piece)
        return len(piece)

    def writelines(self, pieces: Any) -> None:
        """Write pieces one after the other."""
        for piece in pieces:
            self.write(piece)

    def getvalue(self) -> Any:
        """Return the whole."""
        return self.value

    def seek(self, at: int, whence: int = 0) -> int:
        """Go to a place from the start, from here, or from the end."""
        self.at = [0, self.at, len(self.value)][whence] + at
        return self.at

    def tell(self) -> int:
        """Return the place."""
        return self.at

    def truncate(self, size: Any = None) -> int:
        """Keep the beginning alone."""
        self.value = self.value[: self.at if size is None else size]
        return len(self.value)

    def flush(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """End reading and writing."""
        self.closed = True

    def __iter__(self) -> Any:
        return iter(self.readlines())

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *raised: Any) -> None:
        self.close()


def StringIO(initial_value: Any = "", newline: Any = "\n") -> _Buffer:
    """Return a text like a file."""
    return _Buffer(initial_value or "", "text")


def BytesIO(initial_bytes: Any = b"") -> _Buffer:
    """Return bytes like a file."""
    return _Buffer(initial_bytes, "bytes")
