"""Parameters that a model refuses: each is left out, renamed or lowered, with a warning."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

# Without these, the answer is still one to the same question.
_OPTIONAL = frozenset(
    {
        "frequency_penalty", "logprobs", "max_tokens", "presence_penalty", "reasoning_effort",
        "seed", "stop", "temperature", "tool_choice", "top_logprobs", "top_p",
    }
)  # fmt: skip
# A request without these would be another one: the caller decides what to do.
NEEDED = frozenset({"response_format", "tools"})
_NEWER_NAMES = {"max_tokens": "max_completion_tokens"}
_REFUSAL = re.compile(
    r"support|unknown|unrecogni[sz]ed|unexpected|not permitted|not allowed|deprecated|cannot both"
    r"|may only|only the default|invalid|must not|not available|too large|at most|incompatible",
    re.IGNORECASE,
)
_MOST = re.compile(r"(?:at most|maximum(?: value)?(?: is| of|:)?|less than or equal to|<=) *(\d+)")
# Most parameters that are left out of one request.
MOST_REFUSED = 6


class ParameterChange(NamedTuple):
    """What is done with a refused parameter: it gets a new name or a new value, or is left out."""

    name: str
    new_name: str | None = None
    most: int | None = None


class AcceptedParameters:
    """The parameters of a request, as far as a model accepts them.

    `known` has the changes for this model, and grows; `warnings` say what was changed.
    """

    def __init__(self, parameters: Mapping[str, Any], known: dict[str, ParameterChange]) -> None:
        self.parameters, self.warnings = dict(parameters), list[str]()
        self._known = known
        for change in [each for name, each in known.items() if name in parameters.keys() - NEEDED]:
            self._apply(change)

    def without_refused(self, problem: Exception) -> bool:
        """Adapt the parameter that a failure is about; return False if it is about none."""
        if len(self.warnings) >= MOST_REFUSED:
            return False
        name = refused_parameter(problem, self.parameters)
        if name is None or name not in _OPTIONAL:
            return False
        change = _change(name, self.parameters[name], _words_of(problem))
        self._known[name] = change
        self._apply(change)
        return True

    def _apply(self, change: ParameterChange) -> None:
        value = self.parameters.pop(change.name, None)
        if change.most is not None and isinstance(value, int):
            self.parameters[change.name] = min(value, change.most)
            if value > change.most:
                self._warn(change.name, f"was lowered to {change.most:,}: it takes no more")
        elif change.new_name is not None:
            self.parameters[change.new_name] = value
            self._warn(change.name, f"was sent as {change.new_name!r}")
        else:
            self._warn(change.name, "was left out: it does not accept this value")

    def _warn(self, name: str, what: str) -> None:
        self.warnings.append(f"{name!r} {what}.")


def refused_parameter(problem: Exception, parameters: Mapping[str, Any]) -> str | None:
    """Return the parameter of a request that a provider refuses, if its answer names one."""
    if getattr(problem, "status_code", None) not in {400, 422}:
        return None
    named = getattr(problem, "param", None)
    words = _words_of(problem)
    if isinstance(named, str) and named.split(".")[0] in parameters:
        return named.split(".")[0]
    if not _REFUSAL.search(words):
        return None
    there = [(found.start(), name) for name in sorted(_OPTIONAL | NEEDED)
             if name in parameters and (found := re.search(rf"\b{name}\b", words))]  # fmt: skip
    # Of two that exclude each other, the second one is left out.
    chosen = max(there, default=None) if "cannot both" in words else min(there, default=None)
    return chosen[1] if chosen is not None else None


def _change(name: str, value: Any, words: str) -> ParameterChange:
    newer, most = _NEWER_NAMES.get(name), _MOST.search(words)
    if newer is not None and newer in words:
        return ParameterChange(name, newer)
    if newer is not None and most is not None and isinstance(value, int):
        return ParameterChange(name, most=int(most.group(1)))
    return ParameterChange(name)


def _words_of(problem: Exception) -> str:
    return str(problem)[:5_000]


def dropped_by(litellm: Any, model: str, parameters: Mapping[str, Any]) -> list[str]:
    """Return warnings of the parameters that litellm leaves out, by its list of models."""
    names = sorted(parameters.keys() & (_OPTIONAL - {"tool_choice"}))
    return [
        f"{name!r} was left out: the model does not accept it."
        for name in names
        if not _is_sent(litellm.utils.get_optional_params, model, name, repr(parameters[name]))
    ]


@lru_cache(1_000)
def _is_sent(optional_params: Any, model: str, name: str, shown: str) -> bool:
    """Return whether litellm sends a parameter; `shown` is its value as Python writes it."""
    provider, _, bare = model.rpartition("/") if "/" in model else ("openai", "", model)
    value = _literal(shown)
    try:
        sent = optional_params(
            model=bare, custom_llm_provider=provider.partition("/")[0], drop_params=True,
            **{name: value},
        )  # fmt: skip
    except Exception:
        # litellm knows neither the model nor the provider: the request shows what is accepted.
        return True
    return bool(sent.keys() - {"stream", "extra_body"})


def _literal(shown: str) -> Any:
    from ast import literal_eval  # noqa: PLC0415 - seldom needed

    return literal_eval(shown)
