"""Calls of models that make pictures and speech, and that write down speech."""

import base64
from collections.abc import Mapping
from typing import Any, NamedTuple

from flowc.compiler.node import Context, NodeError
from flowc.nodes.services.egress import EgressDenied, HttpClient, RequestFailed
from flowc.nodes.services.models.account import Account
from flowc.nodes.services.models.call import Models
from flowc.nodes.services.models.listening import CallUsage
from flowc.nodes.services.uploads import UploadedContent

# Largest picture or sound that a model makes, in bytes.
MAX_MEDIA = 50_000_000
# Picture models that answer with an address unless they are asked for the picture itself.
_ANSWER_BY_ADDRESS = ("dall-e", "stability", "recraft")


class MadeMedia(NamedTuple):
    """What a model made; `text` is the description that it worked by."""

    content: bytes
    model: str
    cost: float
    text: str = ""


class HeardSpeech(NamedTuple):
    """The words of a recording, with its language, its length in seconds, and its parts."""

    text: str
    model: str
    cost: float
    language: str | None = None
    duration: float | None = None
    segments: tuple[dict[str, Any], ...] = ()


class MediaModel:
    """One model, as one node calls it; what calls use is counted in the node's account."""

    def __init__(self, context: Context, model: str, timeout: float) -> None:
        self._context, self._model, self._timeout = context, model, timeout

    async def pictures(
        self, prompt: str, options: Mapping[str, Any], drafts: list[UploadedContent]
    ) -> list[MadeMedia]:
        """Return the pictures for a prompt, or changed ones if there are any `drafts`."""
        given = dict(options)
        if any(name in self._name for name in _ANSWER_BY_ADDRESS):
            given["response_format"] = "b64_json"
        if drafts:
            given["image"] = [each.content for each in drafts]
        method = "aimage_edit" if drafts else "aimage_generation"
        answer, cost = await self._call(method, (prompt,), prompt=prompt, **given)
        found = [await self._picture(each, cost) for each in answer.data or ()]
        if not found:
            raise NodeError("no-picture", "The model made no picture.", kind="bad-answer")
        return found

    async def speech(self, text: str, options: Mapping[str, Any]) -> MadeMedia:
        """Return a text as speech."""
        answer, cost = await self._call("aspeech", (text,), input=text, **options)
        content = bytes(getattr(answer, "content", b"") or b"")
        if not content:
            raise NodeError("no-speech", "The model made no sound.", kind="bad-answer")
        return MadeMedia(content, self._name, cost)

    async def transcript(self, sound: UploadedContent, options: Mapping[str, Any]) -> HeardSpeech:
        """Return the words of a recording."""
        file = (sound.name, sound.content, sound.media_type)
        answer, cost = await self._call("atranscription", (), file=file, **options)
        more = answer.model_dump() if hasattr(answer, "model_dump") else {}
        segments = [each for each in more.get("segments") or () if isinstance(each, dict)]
        shown = [{name: each.get(name) for name in ("start", "end", "text")} for each in segments]
        text, length = str(getattr(answer, "text", "") or ""), more.get("duration")
        duration = float(length) if length is not None else None
        language = more.get("language")
        return HeardSpeech(text, self._name, cost, language, duration, tuple(shown))

    async def _call(self, method: str, texts: tuple[str, ...], **given: Any) -> tuple[Any, float]:
        models, account = self._context.service(Models), Account.of(self._context)
        async with account.paying(self._name, texts) as paid:
            answer, _ = await models.call(self._model, method, self._timeout, **given)
            used = CallUsage.of_response(answer)
            paid.tokens, paid.cost = used.prompt_tokens, used.cost
        return answer, used.cost

    @property
    def _name(self) -> str:
        return self._context.service(Models).name_of(self._model)

    async def _picture(self, made: Any, cost: float) -> MadeMedia:
        described = str(getattr(made, "revised_prompt", None) or "")
        encoded = getattr(made, "b64_json", None)
        if encoded:
            return MadeMedia(base64.b64decode(encoded), self._name, cost, described)
        content = await self._fetched(str(getattr(made, "url", None) or ""))
        return MadeMedia(content, self._name, cost, described)

    async def _fetched(self, url: str) -> bytes:
        """Return a picture that the provider stored; it is fetched by the operator's policy."""
        if url.startswith("data:"):
            return base64.b64decode(url.partition(",")[2])
        try:
            found = await self._context.service(HttpClient).request(
                "GET", url, max_bytes=MAX_MEDIA, max_redirects=3
            )
        except EgressDenied as denied:
            raise NodeError("egress-denied", f"The picture: {denied}.", hint=denied.hint) from None
        except (OSError, RequestFailed):
            message = "The picture that the model made could not be fetched."
            raise NodeError("connection-failed", message, kind="connection") from None
        if found.status_code != 200:
            message = f"The picture's address answered with status {found.status_code}."
            raise NodeError("http-status", message)
        return bytes(found.content)
