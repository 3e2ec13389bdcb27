"""Enumerations; `made` is what the definition of one becomes."""

from typing import Any


class _Counted:
    """What `auto()` stands for."""


_COUNTED = _Counted()


def auto() -> Any:
    """Return what becomes the next number, or the name in lower case."""
    return _COUNTED


def unique(enumeration: Any) -> Any:
    """Return an enumeration, if no two members have the same value."""
    return enumeration


class _Member:
    """A name with a value."""

    def __init__(self, of: str, name: str, value: Any, kind: str) -> None:
        self.of, self.name, self.value, self.kind = of, name, value, kind

    def __str__(self) -> str:
        return str(self.value) if self.kind in ("IntEnum", "StrEnum") else f"{self.of}.{self.name}"

    def __repr__(self) -> str:
        return f"<{self.of}.{self.name}: {self.value!r}>"

    def __eq__(self, other: Any) -> bool:
        if isinstance(other, _Member):
            return self.of == other.of and self.name == other.name
        return self.kind != "Enum" and bool(self.value == other)

    def __hash__(self) -> Any:
        return hash(self.name if self.kind == "Enum" else self.value)


class _Enumeration:
    """The members of an enumeration, by name and by value."""

    def __init__(self, name: str, members: list[Any]) -> None:
        self._name, self._members = name, members
        for member in members:
            setattr(self, member.name, member)

    def __call__(self, value: Any) -> Any:
        for member in self._members:
            if member == value or member.value == value:
                return member
        raise ValueError(f"{value!r} is not a valid {self._name}")

    def __getitem__(self, name: str) -> Any:
        for member in self._members:
            if member.name == name:
                return member
        raise KeyError(name)

    def __iter__(self) -> Any:
        return iter(self._members)

    def __contains__(self, value: Any) -> bool:
        return value in self._members


def _of_names(name: str, names: Any, kind: str) -> Any:
    if isinstance(names, str):
        names = names.replace(",", " ").split()
    if not isinstance(names, dict):
        names = {each: number for number, each in enumerate(names, 1)}
    return made(name, names, kind)


def Enum(name: str, names: Any) -> Any:
    """Return an enumeration of names, or of an object with their values."""
    return _of_names(name, names, "Enum")


def IntEnum(name: str, names: Any) -> Any:
    """Return an enumeration whose members equal numbers."""
    return _of_names(name, names, "IntEnum")


def StrEnum(name: str, names: Any) -> Any:
    """Return an enumeration whose members equal texts."""
    return _of_names(name, names, "StrEnum")


def made(name: str, values: dict[str, Any], kind: str) -> Any:
    """Return an enumeration with these members."""
    members, last = [], 0
    for each, value in values.items():
        counted = each.lower() if kind == "StrEnum" else last + 1
        found = counted if value is _COUNTED else value
        last = found if isinstance(found, int) else last
        members.append(_Member(name, each, found, kind))
    return _Enumeration(name, members)
