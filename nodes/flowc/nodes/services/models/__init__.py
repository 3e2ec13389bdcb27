"""The door to language models: aliases from the operator's file, calls through litellm."""

from flowc.nodes.services.models.aliases import ModelAlias, read_models_file
from flowc.nodes.services.models.answers import ModelAnswer
from flowc.nodes.services.models.call import Call, Models

__all__ = ["Call", "ModelAlias", "ModelAnswer", "Models", "read_models_file"]
