"""Which model stands behind a name that workflows use?"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, SecretStr, ValidationError

from flowc.compiler.diagnostics import DefinitionRefused
from flowc.compiler.documents import read_file


class ModelsFileRefused(Exception):
    """Whoever names a models file that cannot be used meets this."""


class ModelAlias(BaseModel):
    """One name in the models file: litellm's name for the model, where it is served, the key."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = Field(description="litellm's name, such as openai/gpt-4o or offline/echo.")
    api_base: str | None = Field(
        default=None, validation_alias=AliasChoices("api_base", "base_url")
    )
    api_key: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("api_key", "key"), repr=False
    )
    api_key_env: str | None = Field(default=None, description="The variable that holds the key.")

    def key(self) -> str | None:
        """Return the key, from the file or from the environment variable it names."""
        if self.api_key is not None:
            return self.api_key.get_secret_value()
        return os.environ.get(self.api_key_env) if self.api_key_env else None


def read_models_file(path: Path) -> dict[str, ModelAlias]:
    """Read a models file: names with what stands behind them, at the top or under `models`.

    A name may also have just litellm's name as its value. Raises ModelsFileRefused.
    """
    try:
        data = read_file(path).data
    except DefinitionRefused as problem:
        raise ModelsFileRefused(f"{path}: {problem.diagnostics[0].message}") from None
    entries = data.get("models", data) if isinstance(data, dict) else None
    if not isinstance(entries, dict):
        raise ModelsFileRefused(f"{path}: the file must map names to models.")
    return {name: _alias(name, entry, path) for name, entry in entries.items()}


def _alias(name: str, entry: Any, path: Path) -> ModelAlias:
    given: Mapping[str, Any] = {"model": entry} if isinstance(entry, str) else entry
    try:
        return ModelAlias.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ModelsFileRefused(f"{path}: {name}: {where}: {first['msg']}.") from None
