"""The node type `classify`: a model chooses a label, and the label is the branch."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from flowc.compiler.definition.durations import Duration
from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.expressions.values import as_text
from flowc.compiler.node import Context, Effects, Incoming, Need, Node, NodeError, Outcome, Role
from flowc.nodes.ai.answer_data import data_in
from flowc.nodes.ai.labels import KnownLabels, LabelAnswer
from flowc.nodes.ai.structured import ModelSession, correction

_SHOWN = 100


class LabelMeaning(BaseModel):
    """What a label means, and the other names under which a model may answer with it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    description: str = Field(default="", max_length=5_000, description="When the label fits.")
    synonyms: list[str] = Field(
        default_factory=list, max_length=100, description="Other names that count as the label."
    )


class NamedLabel(LabelMeaning):
    """A label in a list."""

    name: str = Field(min_length=1, description="The label.")


def _by_name(given: Any) -> Any:
    """Return the meaning of each label by its name, from any of the forms that authors write."""
    if not isinstance(given, list):
        meanings = given.items() if isinstance(given, dict) else ()
        return {name: _meaning(each) for name, each in meanings} if meanings else given
    found: dict[str, Any] = {}
    for each in given:
        label = each if isinstance(each, str) else NamedLabel.model_validate(each).name
        if label in found:
            raise ValueError(f"the label {label!r} is listed twice")
        is_text = isinstance(each, str)
        found[label] = {} if is_text else {k: v for k, v in each.items() if k != "name"}
    return found


def _meaning(given: Any) -> Any:
    return {"description": given or ""} if given is None or isinstance(given, str) else given


_WRITTEN = dict[str, str | LabelMeaning | None] | list[str | NamedLabel]


class Classify(Node):
    """Ask a model which of the `labels` fits a text, and branch by the label.

    An edge from this node names a label as its branch. The output has the `label`, the model's
    `confidence` from 0 to 1 (1 if it gives none), and the `model`.

    Upper and lower case, blanks, punctuation and accents in the model's answer do not matter, and a
    label's `synonyms` count as the label. An answer that names none of the labels is asked for once
    more. If that names none either, or if the confidence is below `min_confidence`, the label is
    the `fallback`; without one, the node fails with `answer-does-not-fit`.
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
    labels: Annotated[
        dict[str, LabelMeaning],
        BeforeValidator(_by_name, json_schema_input_type=_WRITTEN),
        Role.RAW,
    ] = Field(
        min_length=2,
        description="A list of labels, or an object with a description of each, or with its"
        " {description, synonyms}.",
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
        default=None, description="The label if the answer is none, or not confident enough."
    )
    temperature: float | None = Field(
        default=0, ge=0, le=2, description="How much answers vary; 0 varies least."
    )
    timeout: Duration = Field(default=60.0, description="Time limit for one call of the model.")

    @model_validator(mode="after")
    def _has_clear_labels(self) -> "Classify":
        if self.min_confidence > 0 and self.fallback is None:
            raise ValueError("`min_confidence` needs a `fallback`")
        names: dict[str, str] = {}
        for label, meaning in self.labels.items():
            for name in {label, *meaning.synonyms}:
                if names.setdefault(name, label) != label:
                    raise ValueError(f"{name!r} names both {names[name]!r} and {label!r}")
        same = KnownLabels(self._synonyms()).named(self.fallback or "")
        if same not in (None, self.fallback):
            raise ValueError(f"the `fallback` {self.fallback!r} is not a label; {same!r} is")
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
        found = await self._asked(session)
        confidence = found.confidence
        if confidence is None:
            confidence = 0.0 if self.min_confidence > 0 else 1.0
        label, answer = found.label, session.answers[-1]
        if self.fallback is not None and (label is None or confidence < self.min_confidence):
            label = self.fallback
            context.emit("fallback_label", {"label": label, "answer": answer.text[:_SHOWN]})
        output = {"label": label, "confidence": confidence, "model": answer.model}
        return Outcome(output, branch=label)

    async def _asked(self, session: ModelSession) -> LabelAnswer:
        """Return the answer, asked for once more if it is not clear; raise NodeError."""
        known, messages = KnownLabels(self._synonyms()), self._conversation()
        found, text, problem = LabelAnswer(None, None), "", ""
        for _ in range(2):
            text = (await session.ask(messages, self._schema(), may_be_empty=True)).text
            found = known.read((await data_in(text, {})).data, text)
            problem = self._problem(found)
            if not problem:
                return found
            messages = [*messages, *correction(text, problem, self._schema())]
        if self.fallback is not None:
            return found
        message = f"The model's answer does not match its schema: {problem}"
        hint = "`fallback` names the label for answers that are none."
        about: Any = {"field": "labels", "value": text[:_SHOWN]}
        raise NodeError("answer-does-not-fit", message, kind="bad-answer", hint=hint, **about)

    def _problem(self, found: LabelAnswer) -> str:
        if found.label is None:
            return f"It names none of the labels {', '.join(self.labels)}."
        if found.confidence is None and self.min_confidence > 0:
            return "It has no `confidence` from 0 to 1."
        return ""

    def _synonyms(self) -> dict[str, list[str]]:
        return {label: meaning.synonyms for label, meaning in self.labels.items()}

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
        labels = [_line(label, meaning) for label, meaning in self.labels.items()]
        lines = ["Choose the label that fits the text best, and say how sure you are.", *labels]
        if self.instructions:
            lines.append(self.instructions)
        text = self.text if isinstance(self.text, str) else as_text(self.text)
        system = {"role": "system", "content": "\n".join(lines)}
        return [system, {"role": "user", "content": text}]


def _line(label: str, meaning: LabelMeaning) -> str:
    also = f" (also: {', '.join(meaning.synonyms)})" if meaning.synonyms else ""
    return f"- {label}{also}: {meaning.description}" if meaning.description else f"- {label}{also}"


def _labels(config: Mapping[str, Any]) -> list[str]:
    labels, fallback = config.get("labels") or [], config.get("fallback")
    written = labels if isinstance(labels, (dict, list)) else ()
    names = [str(each.get("name", "")) if isinstance(each, dict) else str(each) for each in written]
    return [*names, fallback] if isinstance(fallback, str) and fallback not in names else names
