"""Tracks the headings above a place in a document."""

MAX_HEADING = 200


class Headings:
    """The path of headings at a place in a document, as it is read from the top.

    >>> headings = Headings()
    >>> for level, title in (1, "Guide"), (2, "Ferries"), (3, "Prices"), (2, "Trains"):
    ...     headings.enter(level, title)
    >>> headings.path
    ('Guide', 'Trains')
    """

    def __init__(self) -> None:
        self._open: list[tuple[int, str]] = []

    def enter(self, level: int, title: str) -> None:
        """Enter a heading; it closes those of its own and lower levels. Level 1 is the highest."""
        while self._open and self._open[-1][0] >= level:
            self._open.pop()
        title = " ".join(title.split())[:MAX_HEADING]
        if title:
            self._open.append((level, title))

    @property
    def path(self) -> tuple[str, ...]:
        """The open headings, from the highest down."""
        return tuple(title for _, title in self._open)
