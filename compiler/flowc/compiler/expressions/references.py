"""References: the paths that an expression reads, and what it shows about them."""

from dataclasses import dataclass
from typing import Any

ReferencePath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """A path that an expression reads.

    `optional` means that the expression handles a missing value; `used_as` is the JSON type that
    the expression needs there, if that is evident, and ends in `?` if it is only probable;
    `literals` are the values it is compared with.
    """

    path: ReferencePath
    optional: bool = False
    used_as: str | None = None
    literals: tuple[Any, ...] = ()
