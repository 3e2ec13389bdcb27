"""Which model stands behind a name that workflows use?"""

import os
from pathlib import Path
from typing import Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, SecretStr, model_validator

from flowc.nodes.services.operator_files import read_entries


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

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, given: Any) -> Any:
        """Take litellm's name for an entry that has nothing else."""
        return {"model": given} if isinstance(given, str) else given

    def key(self) -> str | None:
        """Return the key, from the file or from the environment variable it names."""
        if self.api_key is not None:
            return self.api_key.get_secret_value()
        return os.environ.get(self.api_key_env) if self.api_key_env else None


def read_models_file(path: Path) -> dict[str, ModelAlias]:
    """Read a models file: names with what stands behind them, at the top or under `models`.

    Raises OperatorFileRefused.
    """
    return read_entries(path, "models", ModelAlias, "models")
