"""How a workflow and a version of it are named in one word: `support@3`."""

import re

_NUMBER = re.compile(r"[1-9][0-9]{0,8}")


def version_number(text: str | None) -> int | None:
    """Return the number of a version; None if it is none.

    >>> version_number("3"), version_number("03"), version_number("²"), version_number(None)
    (3, None, None, None)
    """
    return int(text) if text is not None and _NUMBER.fullmatch(text) else None


def id_and_version(name: str) -> tuple[str, int | None]:
    """Return the id and the version that a name has; no workflow has an id with an `@`.

    >>> id_and_version("support@3"), id_and_version("support"), id_and_version("support@x")
    (('support', 3), ('support', None), ('support@x', None))
    """
    id, _, text = name.partition("@")
    number = version_number(text)
    return (name, None) if number is None else (id, number)
