"""Under which headings does a text stand?"""

MAX_HEADING = 200


class Headings:
    """The path of headings at a place in a document, as it is read from the top."""

    def __init__(self) -> None:
        self._open: list[tuple[int, str]] = []

    def enter(self, level: int, title: str) -> None:
        """Come to a heading of a level, 1 being the highest."""
        while self._open and self._open[-1][0] >= level:
            self._open.pop()
        title = " ".join(title.split())[:MAX_HEADING]
        if title:
            self._open.append((level, title))

    @property
    def path(self) -> tuple[str, ...]:
        """The headings, from the highest down."""
        return tuple(title for _, title in self._open)
