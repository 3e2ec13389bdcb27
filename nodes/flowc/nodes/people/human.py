"""How does a workflow ask a person?"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from flowc.compiler.definition import JsonSchema
from flowc.compiler.definition.durations import Duration
from flowc.compiler.definition.short_schemas import BadSchema, Schema, problems_of, to_json_schema
from flowc.compiler.node import Context, Node, NodeError, Outcome, Role
from flowc.compiler.node.interrupts import Ask

APPROVAL = ("approve", "reject")


class Human(Node):
    """Wait for a person's answer: an approval, a choice, a form, or a form with a choice.

    `form` is a JSON Schema of the answer's fields; with `choices`, the answer has a `choice`, and
    the node branches by it. A node with neither asks to approve or to reject. When `timeout` is
    over, the answer is `default`; without one, the node fails with the code `timeout`.
    """

    type: ClassVar = "human"
    also: ClassVar = ("approval",)
    group: ClassVar = "people"
    asks: ClassVar = True

    title: str = Field(default="Please decide", max_length=500)
    instructions: str = Field(default="", max_length=20_000)
    form: Annotated[JsonSchema | None, Role.RAW] = None
    choices: Annotated[list[str], Role.RAW] = Field(
        default_factory=list, max_length=50, description="approve and reject, if there is no form."
    )
    data: Any = Field(default=None, description="What is shown beside the question.")
    assignee: str | None = Field(default=None, description="Who is asked.")
    role: str | None = Field(default=None, description="Who may answer, if it is no one person.")
    timeout: Duration | None = Field(default=None, description="Without one, for ever.")
    default: dict[str, Any] | str | None = Field(
        default=None, description="The answer when the time is over; a text is the choice."
    )

    @classmethod
    def branches(cls, config: Mapping[str, Any]) -> Mapping[str, str | None] | None:
        """Return the choices: an edge with one of them as its branch is taken when it is made."""
        choices = _choices(config)
        return dict.fromkeys(choices) if choices else None

    @classmethod
    def describe_output(cls, config: Mapping[str, Any]) -> Schema | None:
        """Return the schema of the answer, and of whether the time was over."""
        try:
            schema = answer_schema(config)
        except BadSchema:
            return None
        properties = {**schema.get("properties", {}), "timed_out": {"type": "boolean"}}
        return {**schema, "properties": properties}

    async def run(self, context: Context) -> Outcome:
        """Return the answer, once it is there."""
        config = {"form": self.form, "choices": self.choices}
        schema = answer_schema(config)
        asked = {
            "title": self.title,
            "instructions": self.instructions,
            "schema": schema,
            "data": self.data,
            "assignee": self.assignee,
            "role": self.role,
        }
        answer = await context.wait_for(Ask("human", asked, self.timeout))
        if answer.is_late and self.default is None:
            raise NodeError("timeout", f"Nobody has answered in time: {self.title}.")
        given = as_answer(self.default if answer.is_late else answer.value)
        for path, sentence in problems_of(given, schema)[:1]:
            where = ".".join(map(str, path)) or "answer"
            raise NodeError("answer-does-not-fit", f"The answer does not fit: {where}: {sentence}.")
        choice = given.get("choice") if _choices(config) else None
        return Outcome({**given, "timed_out": answer.is_late}, branch=choice)


def as_answer(given: Any) -> dict[str, Any]:
    """Return an answer as an object: a text alone is the choice."""
    return dict(given) if isinstance(given, dict) else {"choice": given}


def answer_schema(config: Mapping[str, Any]) -> Schema:
    """Return the JSON Schema that an answer has to fit."""
    form, choices = config.get("form"), _choices(config)
    schema = {**(to_json_schema(form) if form else {}), "type": "object"}
    if choices:
        choice = {"type": "string", "enum": list(choices)}
        schema["properties"] = {**schema.get("properties", {}), "choice": choice}
        schema["required"] = [*schema.get("required", ()), "choice"]
    return schema


def _choices(config: Mapping[str, Any]) -> tuple[str, ...]:
    own = tuple(map(str, config.get("choices") or ()))
    return own or (() if config.get("form") else APPROVAL)
