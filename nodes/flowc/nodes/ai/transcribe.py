"""The node type `transcribe`: a model writes down the words of a recording."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from flowc.compiler.definition.durations import Duration
from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.node import Context, Effects, Need, Node, NodeError
from flowc.nodes.services.models.media import MAX_MEDIA, MediaModel
from flowc.nodes.services.uploads import content_of_file, id_of_file


class Transcribe(Node):
    """Let a model write down the words of an uploaded recording.

    The output has the `text`, the `model`, and the `cost` in US dollars; with `timestamps` also the
    `language`, the `duration` in seconds, and `segments` with {start, end, text}.
    """

    type: ClassVar = "transcribe"
    also: ClassVar = ("speech_to_text", "transcription")
    group: ClassVar = "ai"
    is_pure: ClassVar = True

    file: str | dict[str, Any] = Field(
        description="Id of an uploaded recording, or an object of a node with its `file`."
    )
    model: str = Field(
        description="An alias from the models file, or litellm's name: openai/whisper-1."
    )
    language: str | None = Field(
        default=None, min_length=2, max_length=35, description="The language, if it is known: de."
    )
    prompt: str | None = Field(
        default=None, max_length=4_000, description="Names and words that are likely in it."
    )
    timestamps: bool = Field(default=False, description="Whether to output `segments` with times.")
    timeout: Duration = Field(default=600.0, description="Time limit for the call of the model.")

    @classmethod
    def describe_output(cls, config: Mapping[str, Any]) -> Schema:
        """Return the schema of the text."""
        text: Schema = {"type": "string"}
        properties: Schema = {"text": text, "model": text, "cost": {"type": "number"}}
        required = list(properties)
        if config.get("timestamps"):
            segment = {"start": {"type": "number"}, "end": {"type": "number"}, "text": text}
            properties["language"] = {"type": ["string", "null"]}
            properties["duration"] = {"type": ["number", "null"]}
            properties["segments"] = {
                "type": "array",
                "items": {"type": "object", "properties": segment},
            }
        return {"type": "object", "properties": properties, "required": required}

    @classmethod
    def shown_to_model(cls, output: Any) -> Any:
        """Return the text."""
        return output["text"]

    @classmethod
    def effects(cls, config: Mapping[str, Any]) -> Effects:
        """Return the model and the file."""
        model = Need("media", str(config.get("model") or ""), ("model",))
        file = id_of_file(config.get("file"))
        return Effects((model, *([Need("upload", file, ("file",))] if file else [])))

    async def run(self, context: Context) -> dict[str, Any]:
        """Read the recording, and ask the model."""
        sound = await content_of_file(context, self.file, MAX_MEDIA)
        if sound.media_type.partition("/")[0] not in {"audio", "video"}:
            message = f"The file {sound.name[:100]!r} is {sound.media_type}, and not a recording."
            raise NodeError("file-of-another-type", message, field="file")
        options: dict[str, Any] = {"language": self.language, "prompt": self.prompt}
        if self.timestamps:
            options["response_format"] = "verbose_json"
            options["timestamp_granularities"] = ["segment"]
        wanted = {name: value for name, value in options.items() if value is not None}
        heard = await MediaModel(context, self.model, self.timeout).transcript(sound, wanted)
        found = {"text": heard.text, "model": heard.model, "cost": heard.cost}
        if not self.timestamps:
            return found
        about = {"language": heard.language, "duration": heard.duration}
        return {**found, **about, "segments": list(heard.segments)}
