"""The node type `human`: a question to a person."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from flowc.compiler.definition import JsonSchema
from flowc.compiler.definition.durations import Duration
from flowc.compiler.definition.short_schemas import BadSchema, Schema, find_problems, to_json_schema
from flowc.compiler.node import Context, Node, NodeError, Outcome, Role
from flowc.compiler.node.interrupts import Ask

APPROVAL = ("approve", "reject")


class Human(Node):
    """Ask a person, and wait for the answer: an approval, a choice, or a form to fill in.

    `form` describes the fields of the answer. With `choices`, the answer also has a `choice`, and
    an edge from this node can name a choice as its branch. With neither, the choices are `approve`
    and `reject`. The output has the fields of the answer and `timed_out`.

    If no one answers within `timeout`, the answer is `default`; without a `default`, the node fails
    with the code `timeout`. While it waits, the run takes no memory and survives restarts of the
    server.
    """

    type: ClassVar = "human"
    also: ClassVar = ("approval",)
    group: ClassVar = "people"
    asks: ClassVar = True

    title: str = Field(
        default="Please decide", max_length=500, description="Heading of the question."
    )
    instructions: str = Field(
        default="", max_length=20_000, description="What the person should know and do."
    )
    form: Annotated[JsonSchema | None, Role.RAW] = Field(
        default=None, description="Fields of the answer, as a JSON Schema or in its short form."
    )
    choices: Annotated[list[str], Role.RAW] = Field(
        default_factory=list,
        max_length=50,
        description="Choices, by name; without a form, by default approve and reject.",
    )
    data: Any = Field(default=None, description="Any JSON to show with the question.")
    assignee: str | None = Field(default=None, description="The person to ask.")
    role: str | None = Field(
        default=None, description="The group of people who may answer, such as `accounting`."
    )
    timeout: Duration | None = Field(
        default=None, description="Longest wait for the answer; without it, there is no limit."
    )
    default: dict[str, Any] | str | None = Field(
        default=None,
        description="Answer to use after `timeout`; a text is the choice.",
    )

    @classmethod
    def branches(cls, config: Mapping[str, Any]) -> Mapping[str, str | None] | None:
        """Return a branch for each choice."""
        choices = _choices(config)
        return dict.fromkeys(choices) if choices else None

    @classmethod
    def describe_output(cls, config: Mapping[str, Any]) -> Schema | None:
        """Return the schema of the answer, with `timed_out`."""
        try:
            schema = answer_schema(config)
        except BadSchema:
            return None
        properties = {**schema.get("properties", {}), "timed_out": {"type": "boolean"}}
        return {**schema, "properties": properties}

    async def run(self, context: Context) -> Outcome:
        """Wait for the answer, and return it."""
        config = {"form": self.form, "choices": self.choices}
        schema = answer_schema(config)
        question = {
            "title": self.title,
            "instructions": self.instructions,
            "schema": schema,
            "data": self.data,
            "assignee": self.assignee,
            "role": self.role,
        }
        answer = await context.wait_for(Ask("human", question, self.timeout))
        if answer.is_late and self.default is None:
            raise NodeError("timeout", f"No one answered in time: {self.title}.")
        given = as_answer(self.default if answer.is_late else answer.value)
        for path, sentence in (await find_problems(given, schema))[:1]:
            where = ".".join(map(str, path)) or "answer"
            message = f"The answer does not match its form: {where}: {sentence}."
            raise NodeError("answer-does-not-fit", message, field="form", value=given)
        choice = given.get("choice") if _choices(config) else None
        return Outcome({**given, "timed_out": answer.is_late}, branch=choice)


def as_answer(given: Any) -> dict[str, Any]:
    """Return an answer as an object; a text alone is the choice.

    >>> as_answer("approve")
    {'choice': 'approve'}
    """
    return dict(given) if isinstance(given, dict) else {"choice": given}


def answer_schema(config: Mapping[str, Any]) -> Schema:
    """Return the JSON Schema that an answer must match."""
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
