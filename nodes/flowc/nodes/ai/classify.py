"""How does a workflow choose its way by what a text is about?"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field, model_validator

from flowc.compiler.definition.durations import Duration
from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.expressions.values import as_text
from flowc.compiler.node import Context, Effects, Incoming, Node, Outcome, Role
from flowc.nodes.ai.structured import DEFAULT_MODEL, ModelSession, outcome_of


class Classify(Node):
    """Ask a model which of the `labels` a text has, and branch by it.

    The output has the `label` and the model's `confidence`, from 0 to 1. Below `min_confidence`,
    the label is the `fallback`.
    """

    type: ClassVar = "classify"
    also: ClassVar = ("router",)
    group: ClassVar = "ai"
    is_pure: ClassVar = True

    text: Annotated[Any, Incoming()] = Field(
        default=None, description="What to classify; any JSON. Without it, what flows here."
    )
    labels: Annotated[dict[str, str] | list[str], Role.RAW] = Field(
        min_length=2, description="The labels, or labels with what they mean."
    )
    instructions: str = Field(default="", max_length=20_000)
    model: str | None = None
    min_confidence: float = Field(default=0.0, ge=0, le=1)
    fallback: Annotated[str | None, Role.RAW] = Field(
        default=None, description="The label where the model is not sure enough."
    )
    temperature: float | None = Field(default=0, ge=0, le=2)
    timeout: Duration = Field(default=60.0, description="For one call.")

    @model_validator(mode="after")
    def _falls_somewhere(self) -> "Classify":
        if self.min_confidence > 0 and self.fallback is None:
            raise ValueError("`min_confidence` needs a `fallback`")
        return self

    @classmethod
    def branches(cls, config: Mapping[str, Any]) -> Mapping[str, str | None] | None:
        """Return the labels, and the fallback: an edge with one as its branch is taken for it."""
        return dict.fromkeys(_labels(config)) or None

    @classmethod
    def describe_output(cls, config: Mapping[str, Any]) -> Schema:
        """Return the schema of the label and the confidence."""
        label = {"type": "string", "enum": _labels(config)}
        properties = {"label": label, "confidence": {"type": "number"}}
        return {"type": "object", "properties": properties, "required": list(properties)}

    @classmethod
    def effects(cls, config: Mapping[str, Any]) -> Effects:
        """Return the model; an answer that does not fit is asked for once more."""
        return Effects(models=(str(config.get("model") or DEFAULT_MODEL),), calls=(1, 2), values=1)

    async def run(self, context: Context) -> Outcome:
        """Ask for the label, and take its branch."""
        parameters = {"temperature": self.temperature} if self.temperature is not None else {}
        session = ModelSession(context, (self.model,), parameters, self.timeout)
        found = await session.data(self._conversation(), self._schema())
        confidence = min(max(float(found.get("confidence", 1.0)), 0.0), 1.0)
        is_sure = confidence >= self.min_confidence
        label = found["label"] if is_sure or self.fallback is None else self.fallback
        told = outcome_of(session.answers, {})
        output = {"label": label, "confidence": confidence, "model": told.output["model"]}
        return Outcome(output, branch=label, usage=told.usage)

    def _schema(self) -> Schema:
        label = {"type": "string", "enum": list(self.labels)}
        confidence = {"type": "number", "minimum": 0, "maximum": 1}
        properties = {"label": label, "confidence": confidence}
        return {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }

    def _conversation(self) -> list[dict[str, Any]]:
        meanings = self.labels if isinstance(self.labels, dict) else dict.fromkeys(self.labels, "")
        lines = [f"- {name}: {why}" if why else f"- {name}" for name, why in meanings.items()]
        said = ["Choose the label that fits the text best, and say how sure you are.", *lines]
        if self.instructions:
            said.append(self.instructions)
        text = self.text if isinstance(self.text, str) else as_text(self.text)
        system = {"role": "system", "content": "\n".join(said)}
        return [system, {"role": "user", "content": text}]


def _labels(config: Mapping[str, Any]) -> list[str]:
    labels, fallback = config.get("labels") or [], config.get("fallback")
    names = [str(label) for label in labels] if isinstance(labels, (dict, list)) else []
    return [*names, fallback] if isinstance(fallback, str) and fallback not in names else names
