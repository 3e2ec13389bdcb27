"""The node type `llm`: one answer of a language model."""

import json
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from flowc.compiler.definition import JsonSchema
from flowc.compiler.node import Context, Incoming, Outcome
from flowc.nodes.ai.model_node import ModelNode
from flowc.nodes.ai.structured import output_of
from flowc.nodes.ai.tool_calls import as_tool_choice, as_tools


class Function(BaseModel):
    """A function that the model can request to call; the workflow makes the call."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,63}$", description="The function's name.")
    description: str = Field(default="", description="Tells the model when to call it.")
    parameters: JsonSchema = Field(
        default_factory=lambda: {"type": "object"}, description="The schema of its arguments."
    )
    strict: bool | None = Field(
        default=None, description="Whether arguments must match exactly, if the provider can do it."
    )

    @model_validator(mode="before")
    @classmethod
    def _as_openai_has_it(cls, given: Any) -> Any:
        is_wrapped = isinstance(given, dict) and given.get("type") == "function"
        return given.get("function") if is_wrapped else given


class Llm(ModelNode):
    """Ask a language model. The output has its `text`, and the fields of `output_schema`.

    The `output_schema` can be of any kind: the fields of an object are fields of the output, and a
    list, a number or a text is its `data`. The answer is also found among sentences, in a fenced
    block or in a call; numbers that are written as texts are converted, with a `warning` event. An
    answer that does not match is asked for once more; if that does not match either, the node fails
    with `answer-does-not-fit`.

    An answer that is refused or filtered fails with `content-refused`, one without text with
    `answer-empty`, and data that is cut off at `max_tokens` with `answer-cut-off`. If a model
    fails, `fallbacks` are tried in turn. Parameters that the model refuses are left out or renamed,
    with a `warning` event.

    The output also has the `model` that answered, the `finish_reason`, the `usage` in tokens and
    the `cost` in US dollars; and, empty if the model gives none, its `reasoning`, its `refusal`,
    the `citations` and the `logprobs`. Thoughts that a model writes before its answer are no part
    of the `text`; with `stream`, they are `reasoning` events.

    The model may request calls of `functions`; the requests are in the output's `tool_calls`, in
    OpenAI's format, and the workflow decides what to do with them. An `agent` makes the calls of
    its tools itself.
    """

    type: ClassVar = "llm"
    also: ClassVar = ("ai",)
    group: ClassVar = "ai"
    is_pure: ClassVar = True

    data: Annotated[Any, Incoming(steps_only=True, merges=True)] = Field(
        default=None, description="Any JSON; added to the last message."
    )
    functions: list[Function] = Field(
        default_factory=list,
        max_length=128,
        description="Functions with `name`, `description` and `parameters`, which the model may"
        " request to call.",
    )
    tool_choice: str = Field(
        default="auto",
        description="Whether to call functions: `auto`, `none`, `required`, or the name of one.",
    )
    logprobs: bool | None = Field(
        default=None, description="Whether to output the `logprobs` of the answer's tokens."
    )
    top_logprobs: int | None = Field(
        default=None, ge=0, le=20, description="How many likely tokens `logprobs` lists for each."
    )

    async def run(self, context: Context) -> Outcome:
        """Ask the model, and return its answer."""
        session = self.session(context, self._parameters())
        messages = await self.conversation(context, session)
        if self.data not in (None, {}, []):
            messages[-1] = _with_text(messages[-1], json.dumps(self.data, ensure_ascii=False))
        data = await session.data(messages, self.output_schema)
        output = output_of(session.answers, data)
        return Outcome(output, variables=self.remembered(context, output["text"]))

    def _parameters(self) -> dict[str, Any]:
        found = {"logprobs": self.logprobs, "top_logprobs": self.top_logprobs}
        parameters: dict[str, Any] = {k: v for k, v in found.items() if v is not None}
        if self.functions:
            parameters["tools"] = as_tools(
                each.model_dump(exclude_none=True) for each in self.functions
            )
            parameters["tool_choice"] = as_tool_choice(self.tool_choice)
        return parameters


def _with_text(message: dict[str, Any], text: str) -> dict[str, Any]:
    content = message["content"]
    if isinstance(content, list):
        return {**message, "content": [*content, {"type": "text", "text": text}]}
    return {**message, "content": f"{content}\n\n{text}"}
