"""How does a workflow ask a language model?"""

import json
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from flowc.compiler.definition import JsonSchema
from flowc.compiler.node import Context, Incoming, Outcome
from flowc.nodes.ai.model_node import ModelNode
from flowc.nodes.ai.structured import outcome_of
from flowc.nodes.ai.tool_calls import as_tool_choice, as_tools


class Function(BaseModel):
    """What the model may ask to be called; the workflow sees to it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,63}$")
    description: str = ""
    parameters: JsonSchema = Field(default_factory=lambda: {"type": "object"})

    @model_validator(mode="before")
    @classmethod
    def _as_openai_has_it(cls, given: Any) -> Any:
        is_wrapped = isinstance(given, dict) and given.get("type") == "function"
        return given.get("function") if is_wrapped else given


class Llm(ModelNode):
    """Ask a language model: the output has `text`, and the fields of `output_schema`.

    `model` is an alias of the models file or litellm's name for it; without one, the default model
    answers; where it cannot, each of `fallbacks` is tried in turn. `usage` counts tokens, `cost` is
    in US dollars. With `stream`, the text is told as it comes. Of `functions` the model may ask to
    have some called: they are the output's `tool_calls`; an `agent` calls them itself.
    """

    type: ClassVar = "llm"
    also: ClassVar = ("ai",)
    group: ClassVar = "ai"
    is_pure: ClassVar = True

    data: Annotated[Any, Incoming(steps_only=True)] = Field(
        default=None, description="Any JSON, added to the prompt."
    )
    functions: list[Function] = Field(default_factory=list, max_length=128)
    tool_choice: str = Field(
        default="auto", description="`auto`, `none`, `required`, or a function's name."
    )
    logprobs: bool | None = Field(default=None, description="Whether the output has `logprobs`.")
    top_logprobs: int | None = Field(default=None, ge=0, le=20)

    async def run(self, context: Context) -> Outcome:
        """Ask, once more if the answer does not fit its schema, and return what was answered."""
        session = self.session(context, self._parameters())
        messages = await self.conversation(context, session)
        if self.data not in (None, {}, []):
            said = json.dumps(self.data, ensure_ascii=False)
            messages[-1] = _with_text(messages[-1], said)
        data = await session.data(messages, self.output_schema)
        return outcome_of(session.answers, data)

    def _parameters(self) -> dict[str, Any]:
        found = {"logprobs": self.logprobs, "top_logprobs": self.top_logprobs}
        parameters: dict[str, Any] = {k: v for k, v in found.items() if v is not None}
        if self.functions:
            parameters["tools"] = as_tools(each.model_dump() for each in self.functions)
            parameters["tool_choice"] = as_tool_choice(self.tool_choice)
        return parameters


def _with_text(message: dict[str, Any], text: str) -> dict[str, Any]:
    content = message["content"]
    if isinstance(content, list):
        return {**message, "content": [*content, {"type": "text", "text": text}]}
    return {**message, "content": f"{content}\n\n{text}"}
