"""What have models answered before? By the requests as they were sent, once rendered."""

import difflib
import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from flowc.compiler.node import NodeError
from flowc.nodes.services.models import Call, ModelAnswer, Models
from flowc.nodes.services.models.answers import OnText
from flowc.nodes.services.models.call import SchemaSupport


class Recorded:
    """The answers in a file; those that were used are kept when it is written again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        self._used: dict[str, Any] = {}

    def get(self, key: str) -> ModelAnswer | None:
        """Return the answer to a request."""
        if key not in self._known:
            return None
        self._used[key] = self._known[key]
        answer = self._known[key]["answer"]
        return ModelAnswer(**{**answer, "tool_calls": tuple(answer["tool_calls"])})

    def put(self, key: str, request: Any, answer: ModelAnswer) -> None:
        """Keep an answer."""
        self._known[key] = self._used[key] = {"request": request, "answer": asdict(answer)}

    def closest(self, request: Any) -> str:
        """Return in what a request differs from the one that is most like it, as a diff."""
        mine = _lines(request)
        others = [_lines(each["request"]) for each in self._known.values()]
        if not others:
            return "\n".join(mine)
        best = max(others, key=lambda them: difflib.SequenceMatcher(None, mine, them).ratio())
        return "\n".join(difflib.unified_diff(best, mine, "recorded", "asked", lineterm="", n=2))

    def write(self) -> None:
        """Write the file with what was used, if anything was."""
        if self._used:
            text = json.dumps(dict(sorted(self._used.items())), ensure_ascii=False, indent=2)
            self._path.write_text(text + "\n")


class RecordedModels(Models):
    """Models that answer as they did before; asked for real only while recording.

    Models that need no network are asked always. `missing` are the requests that nobody knows the
    answer to.
    """

    def __init__(self, real: Models, recorded: Recorded, *, is_recording: bool) -> None:
        self._real, self._recorded, self._is_recording = real, recorded, is_recording
        self.missing: list[str] = []

    async def schema_support(self, model: str | None) -> SchemaSupport:
        """Say how the model's provider takes a JSON schema for its answer."""
        return await self._real.schema_support(model)

    def worst_case(self, call: Call) -> tuple[float, float]:
        """Return what a call can come to at the most: US dollars, and tokens."""
        return self._real.worst_case(call)

    def is_offline(self, model: str | None) -> bool:
        """Say whether a model answers without a network."""
        return self._real.is_offline(model)

    async def complete(self, call: Call, on_text: OnText | None = None) -> ModelAnswer:
        """Answer as before; raise NodeError if this was not asked before."""
        if self._real.is_offline(call.model):
            return await self._real.complete(call, on_text)
        request = {
            "model": call.model,
            "messages": call.messages,
            "parameters": dict(call.parameters),
        }
        text = json.dumps(request, sort_keys=True, ensure_ascii=False)
        key = hashlib.sha256(text.encode()).hexdigest()[:32]
        answer = self._recorded.get(key)
        if answer is None and self._is_recording:
            answer = await self._real.complete(call)
            self._recorded.put(key, request, answer)
        if answer is None:
            self.missing.append(self._recorded.closest(request))
            message = "No answer was recorded for what the model is asked; record with --record."
            raise NodeError("not-recorded", message)
        if on_text is not None and answer.text:
            on_text(answer.text)
        return answer


def _lines(request: Any) -> list[str]:
    return json.dumps(request, sort_keys=True, ensure_ascii=False, indent=1).splitlines()
