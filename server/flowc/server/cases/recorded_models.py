"""Answers model calls from a file of recorded answers, looked up by the rendered request."""

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
from flowc.nodes.services.models.cut_off import OnCutOff, uncounted_cut_off
from flowc.nodes.services.models.thoughts import ignore_piece


class RecordedAnswers:
    """The answers in a file; writing it again drops those that no request has used."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        self._used: dict[str, Any] = {}

    def get(self, key: str) -> ModelAnswer | None:
        """Return the recorded answer to a request; None if there is none."""
        if key not in self._known:
            return None
        self._used[key] = self._known[key]
        answer = self._known[key]["answer"]
        return ModelAnswer.of_json(answer)

    def put(self, key: str, request: Any, answer: ModelAnswer) -> None:
        """Record an answer."""
        self._known[key] = self._used[key] = {"request": request, "answer": asdict(answer)}

    def closest(self, request: Any) -> str:
        """Return a diff from the most similar recorded request to this one."""
        mine = _lines(request)
        others = [_lines(each["request"]) for each in self._known.values()]
        if not others:
            return "\n".join(mine)
        best = max(others, key=lambda them: difflib.SequenceMatcher(None, mine, them).ratio())
        return "\n".join(
            difflib.unified_diff(best, mine, "recorded", "requested", lineterm="", n=2)
        )

    def write(self) -> None:
        """Write the answers that were used; without any, leave the file alone."""
        if self._used:
            text = json.dumps(dict(sorted(self._used.items())), ensure_ascii=False, indent=2)
            self._path.write_text(text + "\n")


class RecordedModels(Models):
    """Models whose answers are recorded; the real ones are called only while recording.

    Offline models are always called. `missing` has a diff for each request without an answer.
    """

    def __init__(self, real: Models, recorded: RecordedAnswers, *, is_recording: bool) -> None:
        self._real, self._recorded, self._is_recording = real, recorded, is_recording
        self.missing: list[str] = []

    async def schema_support(self, model: str | None) -> SchemaSupport:
        """Return how the model's provider accepts a JSON Schema for the answer."""
        return await self._real.schema_support(model)

    def worst_case(self, call: Call) -> tuple[float, float]:
        """Return the most that a call can cost: US dollars, and tokens."""
        return self._real.worst_case(call)

    def is_offline(self, model: str | None) -> bool:
        """Return whether a model answers without a network."""
        return self._real.is_offline(model)

    async def complete(
        self,
        call: Call,
        on_text: OnText | None = None,
        on_cut_off: OnCutOff = uncounted_cut_off,
        on_thought: OnText = ignore_piece,
    ) -> ModelAnswer:
        """Return the recorded answer; raise NodeError if there is none."""
        if self._real.is_offline(call.model):
            return await self._real.complete(call, on_text, on_cut_off, on_thought)
        request = {
            "model": call.model,
            "messages": call.messages,
            "parameters": dict(call.parameters),
        }
        text = json.dumps(request, sort_keys=True, ensure_ascii=False)
        key = hashlib.sha256(text.encode()).hexdigest()[:32]
        answer = self._recorded.get(key)
        if answer is None and self._is_recording:
            answer = await self._real.complete(call, on_cut_off=on_cut_off)
            self._recorded.put(key, request, answer)
        if answer is None:
            self.missing.append(self._recorded.closest(request))
            message = (
                "This model call has no recorded answer; record it with `flowc test --record`."
            )
            raise NodeError("not-recorded", message)
        if on_text is not None and answer.reasoning:
            on_thought(answer.reasoning)
        if on_text is not None and answer.text:
            on_text(answer.text)
        return answer


def _lines(request: Any) -> list[str]:
    return json.dumps(request, sort_keys=True, ensure_ascii=False, indent=1).splitlines()
