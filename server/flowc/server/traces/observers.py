"""The accounts of the services that observe runs, from the environment."""

import os
from base64 import b64encode
from typing import NamedTuple

# Langfuse's libraries of several times, and litellm, read these.
_LANGFUSE_ADDRESSES = ("OTEL_HOST", "HOST", "BASE_URL")
_LANGFUSE, _POSTHOG = "https://us.cloud.langfuse.com", "https://us.i.posthog.com"


class ObserverRefused(Exception):
    """An observer cannot be used; the message names the variable."""


class LangfuseAccount(NamedTuple):
    """A project of Langfuse."""

    url: str
    public_key: str
    secret_key: str

    @classmethod
    def in_environment(cls) -> "LangfuseAccount":
        """Return the project of LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY, at LANGFUSE_HOST.

        Raises ObserverRefused.
        """
        addresses = [os.environ.get(f"LANGFUSE_{name}") for name in _LANGFUSE_ADDRESSES]
        found = next(filter(None, addresses), _LANGFUSE)
        host = found.rstrip("/").removesuffix("/api/public/otel")
        keys = (_variable("langfuse", f"LANGFUSE_{kind}_KEY") for kind in ("PUBLIC", "SECRET"))
        return cls(f"{host}/api/public/otel/v1/traces", *keys)

    @property
    def authorization(self) -> str:
        """The header with which requests are sent."""
        return f"Basic {b64encode(f'{self.public_key}:{self.secret_key}'.encode()).decode()}"


class PosthogAccount(NamedTuple):
    """A project of PostHog."""

    url: str
    key: str

    @classmethod
    def in_environment(cls) -> "PosthogAccount":
        """Return the project of POSTHOG_API_KEY, at POSTHOG_API_URL; raise ObserverRefused."""
        host = (os.environ.get("POSTHOG_API_URL") or _POSTHOG).rstrip("/")
        return cls(f"{host}/batch/", _variable("posthog", "POSTHOG_API_KEY"))


def _variable(observer: str, name: str) -> str:
    if found := os.environ.get(name):
        return found
    raise ObserverRefused(f"FLOWC_MODEL_OBSERVERS names {observer}, which needs {name}.")
