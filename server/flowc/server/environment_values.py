"""The values of `env` that the operator sets: in the environment, or in a file for each tenant."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from flowc.compiler.diagnostics import DefinitionRefused
from flowc.compiler.reading.documents import read_file


class EnvironmentRefused(Exception):
    """The file of FLOWC_ENV_FILE cannot be used; the message says why."""


class SetValues(Mapping[str, Any]):
    """Values by name; those of variables of the environment have their names in capitals there."""

    def __init__(self, variables: Mapping[str, str], file: Mapping[str, Any]) -> None:
        self._variables, self._file = variables, file

    def __getitem__(self, name: str) -> Any:
        """Return a value that is set; raise KeyError."""
        found = self._variables.get(name.upper())
        return found if found is not None else self._file[name]

    def __iter__(self) -> Iterator[str]:
        """Yield the names."""
        return iter(dict.fromkeys((*self._variables, *self._file)))

    def __len__(self) -> int:
        """Return how many values are set."""
        return len(list(iter(self)))


def read_env_file(path: Path) -> dict[str, dict[str, Any]]:
    """Return the values of each tenant; those of the default one are under ``. Raises."""
    try:
        data = read_file(path).data
    except DefinitionRefused as problem:
        raise EnvironmentRefused(f"{path}: {problem.diagnostics[0].message}") from None
    data = {} if data is None else data
    tenants = data.pop("tenants", {}) if isinstance(data, dict) else {}
    found: dict[str, Any] = {"": data, **tenants} if isinstance(tenants, dict) else {"": None}
    if not all(map(_are_values, found.values())):
        raise EnvironmentRefused(f"{path}: the file must map names to texts, numbers and booleans.")
    return found


def _are_values(given: Any) -> bool:
    kinds = (str, int, float, bool)
    return isinstance(given, dict) and all(isinstance(value, kinds) for value in given.values())
