"""The node type `classify`: a model chooses a label, and the label is the branch."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field, model_validator

from flowc.compiler.definition.durations import Duration
from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.expressions.values import as_text
from flowc.compiler.node import Context, Effects, Incoming, Need, Node, Outcome, Role
from flowc.nodes.ai.structured import ModelSession


class Classify(Node):
    """Ask a model which of the `labels` fits a text, and branch by the label.

    An edge from this node names a label as its branch. The output has the `label`, the model's
    `confidence` from 0 to 1, and the `model`. If the confidence is below `min_confidence`, the
    label is the `fallback`. If the model twice answers with none of the labels, the node fails with
    `answer-does-not-fit`.
    """

    type: ClassVar = "classify"
    also: ClassVar = ("router",)
    group: ClassVar = "ai"
    is_pure: ClassVar = True

    text: Annotated[Any, Incoming()] = Field(
        default=None,
        description="What to classify; any JSON. By default the output of the node before this"
        " one.",
    )
    labels: Annotated[dict[str, str] | list[str], Role.RAW] = Field(
        min_length=2, description="A list of labels, or an object with a description of each."
    )
    instructions: str = Field(
        default="", max_length=20_000, description="More instructions for the model."
    )
    model: str | None = Field(
        default=None,
        description="An alias from the models file, or litellm's name; by default"
        " FLOWC_DEFAULT_MODEL.",
    )
    min_confidence: float = Field(
        default=0.0, ge=0, le=1, description="Use the `fallback` below this confidence."
    )
    fallback: Annotated[str | None, Role.RAW] = Field(
        default=None, description="The label if the model is not confident enough."
    )
    temperature: float | None = Field(
        default=0, ge=0, le=2, description="How much answers vary; 0 varies least."
    )
    timeout: Duration = Field(default=60.0, description="Time limit for one call of the model.")

    @model_validator(mode="after")
    def _has_fallback(self) -> "Classify":
        if self.min_confidence > 0 and self.fallback is None:
            raise ValueError("`min_confidence` needs a `fallback`")
        return self

    @classmethod
    def branches(cls, config: Mapping[str, Any]) -> Mapping[str, str | None] | None:
        """Return a branch for each label, and for the fallback."""
        return dict.fromkeys(_labels(config)) or None

    @classmethod
    def describe_output(cls, config: Mapping[str, Any]) -> Schema:
        """Return the schema of the label and the confidence."""
        label = {"type": "string", "enum": _labels(config)}
        properties = {"label": label, "confidence": {"type": "number"}}
        return {"type": "object", "properties": properties, "required": list(properties)}

    @classmethod
    def effects(cls, config: Mapping[str, Any]) -> Effects:
        """Return the model; an answer without a label is asked for once more."""
        model = Need("model", str(config.get("model") or ""), ("model",))
        return Effects((model,), calls=(1, 2), values=1)

    async def run(self, context: Context) -> Outcome:
        """Ask for the label, and choose its branch."""
        parameters = {"temperature": self.temperature} if self.temperature is not None else {}
        session = ModelSession(context, (self.model,), parameters, self.timeout)
        found = await session.data(self._conversation(), self._schema())
        confidence = min(max(float(found.get("confidence", 1.0)), 0.0), 1.0)
        is_sure = confidence >= self.min_confidence
        label = found["label"] if is_sure or self.fallback is None else self.fallback
        output = {"label": label, "confidence": confidence, "model": session.answers[-1].model}
        return Outcome(output, branch=label)

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
        labels = [f"- {name}: {why}" if why else f"- {name}" for name, why in meanings.items()]
        lines = ["Choose the label that fits the text best, and say how sure you are.", *labels]
        if self.instructions:
            lines.append(self.instructions)
        text = self.text if isinstance(self.text, str) else as_text(self.text)
        system = {"role": "system", "content": "\n".join(lines)}
        return [system, {"role": "user", "content": text}]


def _labels(config: Mapping[str, Any]) -> list[str]:
    labels, fallback = config.get("labels") or [], config.get("fallback")
    names = [str(label) for label in labels] if isinstance(labels, (dict, list)) else []
    return [*names, fallback] if isinstance(fallback, str) and fallback not in names else names
