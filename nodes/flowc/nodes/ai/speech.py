"""The node type `speech`: a model reads a text aloud."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from flowc.compiler.definition.durations import Duration
from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.node import Context, Effects, Incoming, Need, Node, NodeError
from flowc.nodes.services.models.media import MediaModel
from flowc.nodes.services.uploads import kept_as_file

_MEDIA_TYPES = {
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
}


class Speech(Node):
    """Let a model read a text aloud, and store the sound as an upload.

    The output has the id of the sound as `file`, its `name`, `media_type` and `size` in bytes, the
    `model`, and the `cost` in US dollars.
    """

    type: ClassVar = "speech"
    also: ClassVar = ("text_to_speech", "tts")
    group: ClassVar = "ai"
    is_pure: ClassVar = True

    text: Annotated[Any, Incoming()] = Field(
        default=None, description="What to read. By default the output of the node before this one."
    )
    model: str = Field(
        description="An alias from the models file, or litellm's name: openai/gpt-4o-mini-tts."
    )
    voice: str = Field(default="alloy", description="The voice, as the model names it.")
    format: Literal["mp3", "wav", "opus", "aac", "flac"] = Field(
        default="mp3", description="The format of the sound."
    )
    speed: float | None = Field(default=None, ge=0.25, le=4, description="1 is the usual speed.")
    instructions: str | None = Field(
        default=None, max_length=4_000, description="How to read it, for models that follow that."
    )
    timeout: Duration = Field(default=300.0, description="Time limit for the call of the model.")

    @classmethod
    def describe_output(cls, config: Mapping[str, Any]) -> Schema:
        """Return the schema of the file."""
        properties: Schema = {
            **{name: {"type": "string"} for name in ("file", "name", "media_type", "model")},
            "size": {"type": "integer"},
            "cost": {"type": "number"},
        }
        return {"type": "object", "properties": properties, "required": list(properties)}

    @classmethod
    def effects(cls, config: Mapping[str, Any]) -> Effects:
        """Return the model."""
        return Effects((Need("media", str(config.get("model") or ""), ("model",)),))

    async def run(self, context: Context) -> dict[str, Any]:
        """Make the sound, and store it."""
        text = self.text.get("text") if isinstance(self.text, dict) else self.text
        if not isinstance(text, str) or not text.strip():
            raise NodeError("nothing-to-read", "There is no text to read.", field="text")
        options = {
            "voice": self.voice,
            "response_format": self.format,
            "speed": self.speed,
            "instructions": self.instructions,
        }
        wanted = {name: value for name, value in options.items() if value is not None}
        made = await MediaModel(context, self.model, self.timeout).speech(text, wanted)
        name = f"{context.node_id}.{self.format}"
        file = await kept_as_file(context, made.content, name, _MEDIA_TYPES[self.format])
        return {**file, "model": made.model, "cost": made.cost}
