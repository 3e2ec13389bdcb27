"""What a look at one part of the set-up found."""

from typing import Literal, NamedTuple

SetupVerdict = Literal["ok", "warning", "failed"]


class SetupFinding(NamedTuple):
    """One part of the set-up: how it is, and what to do if it is not well."""

    part: str
    verdict: SetupVerdict
    message: str
    hint: str | None = None


def well(part: str, message: str) -> SetupFinding:
    """Return that a part is well."""
    return SetupFinding(part, "ok", message)


def odd(part: str, message: str, hint: str) -> SetupFinding:
    """Return that a part works, and may not be meant to be so."""
    return SetupFinding(part, "warning", message, hint)


def broken(part: str, message: str, hint: str) -> SetupFinding:
    """Return that a part does not work."""
    return SetupFinding(part, "failed", message, hint)
