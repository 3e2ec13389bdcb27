"""The base class of what the server refuses to do; the docstring of a class is its message."""

import inspect
from collections.abc import Sequence
from typing import Any


def sentence_of(kind: type[BaseException]) -> str:
    """Return the first paragraph of an exception's docstring, on one line.

    >>> sentence_of(Refused)
    'The server refuses this request.'
    """
    return " ".join((inspect.getdoc(kind) or "").partition("\n\n")[0].split())


class Refused(Exception):
    """The server refuses this request.

    A subclass says why in its docstring, which clients read. `message` replaces that sentence where
    there is more to say; `problems` are listed after it. `code` names the problem to clients where
    the class alone does not; they may try again after `retry_after` seconds.

    >>> str(Refused(problems=["n: 7 is not of type 'string'", "m: 8 is too large"]))
    "The server refuses this request: n: 7 is not of type 'string'. m: 8 is too large."
    """

    code = ""
    retry_after: int | None = None

    @property
    def details(self) -> Sequence[Any]:
        """The single problems, or what else a client's program needs."""
        return self.problems

    def __init__(self, message: str | None = None, *, problems: Sequence[str] = ()) -> None:
        self.problems = list(problems)
        sentence = message or sentence_of(type(self))
        listed = " ".join(f"{problem.removesuffix('.')}." for problem in problems)
        super().__init__(f"{sentence.removesuffix('.')}: {listed}" if problems else sentence)
