"""The models file: aliases by which workflows name models."""

import os
from pathlib import Path
from typing import Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, SecretStr, model_validator

from flowc.nodes.services.operator_files import read_entries


class ModelAlias(BaseModel):
    """One entry of the models file: the model behind an alias, its address and its key."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = Field(description="litellm's name, such as openai/gpt-4o or offline/echo.")
    api_base: str | None = Field(
        default=None,
        validation_alias=AliasChoices("api_base", "base_url"),
        description="Address of the model; by default the provider's.",
    )
    api_key: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("api_key", "key"),
        repr=False,
        description="The key itself.",
    )
    api_key_env: str | None = Field(
        default=None, description="Environment variable with the key, in place of `api_key`."
    )

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, given: Any) -> Any:
        """Accept a text alone as litellm's name.

        >>> ModelAlias.model_validate("offline/echo").model
        'offline/echo'
        """
        return {"model": given} if isinstance(given, str) else given

    def key(self) -> str | None:
        """Return the key, from the file or from the environment variable that it names."""
        if self.api_key is not None:
            return self.api_key.get_secret_value()
        return os.environ.get(self.api_key_env) if self.api_key_env else None


def read_models_file(path: Path) -> dict[str, ModelAlias]:
    """Return the aliases in a file, at the top or under `models`; raise OperatorFileRefused."""
    return read_entries(path, "models", ModelAlias, "models")
