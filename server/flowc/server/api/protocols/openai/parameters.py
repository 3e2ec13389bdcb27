"""Parameters of the OpenAI API: inputs of a workflow that takes them, and refused by any other.

A value that changes nothing, such as the API's own default, is accepted by every workflow.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from flowc.server.api.refused_requests import Unsupported
from flowc.server.conversations.inputs import TakenInputs

# Other names under which a workflow can take a parameter.
_ALSO: Mapping[str, tuple[str, ...]] = {
    "max_tokens": ("max_completion_tokens",),
    "max_completion_tokens": ("max_tokens",),
    "max_output_tokens": ("max_tokens", "max_completion_tokens"),
}
# They tell the provider who asks, or help its caches: no answer depends on them.
_UNSEEN = frozenset(
    {"user", "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "metadata"}
)
# The values of parameters that change nothing.
_NEUTRAL: Mapping[str, tuple[Any, ...]] = {
    "n": (1,),
    "temperature": (1,),
    "top_p": (1,),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "logit_bias": ({},),
    "stop": ([],),
    "response_format": ({"type": "text"},),
    "tools": ([],),
    "functions": ([],),
    "tool_choice": ("auto",),
    "function_call": ("auto",),
    "parallel_tool_calls": (True,),
    "modalities": (["text"],),
    "reasoning_effort": (),
    "verbosity": ("medium",),
    "service_tier": ("auto", "default"),
    "truncation": ("auto", "disabled"),
    "include": ([],),
    "max_tokens": (),
    "max_completion_tokens": (),
    "max_output_tokens": (),
    "max_tool_calls": (),
    "seed": (),
    "audio": (),
    "prediction": (),
    "prompt": (),
    "instructions": (),
    "web_search_options": (),
}
# What says how to call tools changes nothing where there are none.
_WITHOUT_TOOLS: Mapping[str, tuple[Any, ...]] = {
    "tool_choice": ("auto", "none"),
    "function_call": ("auto", "none"),
    "parallel_tool_calls": (True, False),
}


def inputs_from(sent: Mapping[str, Any], inputs: TakenInputs, *, is_stored: bool) -> dict[str, Any]:
    """Return the inputs that the parameters of a request are; raise Unsupported for others.

    `is_stored` says whether the answer is stored for clients, whether they ask for that or not.
    """
    given = {name: value for name, value in sent.items() if value is not None}
    neutral = {**_NEUTRAL, "store": (is_stored,)}
    if not given.get("tools"):
        neutral |= _WITHOUT_TOOLS
    found: dict[str, Any] = {}
    for name, value in given.items():
        names = [each for each in (name, *_ALSO.get(name, ())) if inputs.names(each)]
        if names:
            found |= dict.fromkeys(names, _as_input(name, value))
        elif name not in _UNSEEN and value not in neutral.get(name, ()):
            raise _refused(name)
    return found


def _as_input(name: str, value: Any) -> Any:
    if name == "tools":
        return list(_tools(value))
    return _chosen(value) if name == "tool_choice" else value


def _tools(tools: Any) -> Iterator[Any]:
    """Yield tools in the form of chat completions; raise Unsupported for those of a provider."""
    for number, tool in enumerate(tools if isinstance(tools, list) else [tools]):
        if not isinstance(tool, dict) or tool.get("type") != "function":
            sentence = "only functions are supported, as {type: function, …}."
            raise Unsupported("unsupported_parameter", f"tools[{number}]", sentence)
        own = {name: value for name, value in tool.items() if name not in {"type", "function"}}
        function = tool.get("function", own)
        yield {"type": "function", "function": function}


def _chosen(choice: Any) -> Any:
    """Return a choice of a tool as nodes take it: a word, or the name of a function.

    >>> _chosen({"type": "function", "function": {"name": "weather"}})
    'weather'
    """
    if not isinstance(choice, dict):
        return choice
    name = choice.get("function", choice).get("name") if choice.get("type") == "function" else None
    if isinstance(name, str):
        return name
    sentence = "only `auto`, `none`, `required` or a function can be chosen."
    raise Unsupported("unsupported_parameter", "tool_choice", sentence)


def _refused(name: str) -> Unsupported:
    if name == "n":
        return Unsupported(
            "unsupported_value", name, "a workflow returns one answer; leave it out."
        )
    if name == "store":
        sentence = "chat completions are not stored, and every response is; leave it out."
        return Unsupported("unsupported_value", name, sentence)
    is_known = name in {*_NEUTRAL, *_WITHOUT_TOOLS}
    code = "unsupported_parameter" if is_known else "unknown_parameter"
    sentence = f"the workflow has no input `{name}`; declare it there, or leave it out here."
    return Unsupported(code, name[:100], sentence)
