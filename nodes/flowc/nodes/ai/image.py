"""The node type `image`: a model makes pictures, or changes uploaded ones."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from flowc.compiler.definition.durations import Duration
from flowc.compiler.definition.short_schemas import Schema
from flowc.compiler.node import Context, Effects, Need, Node
from flowc.nodes.services.models.media import MAX_MEDIA, MediaModel
from flowc.nodes.services.uploads import content_of_file, kept_as_file


class Image(Node):
    """Let a model make a picture of what the prompt describes, and store it as an upload.

    With `files`, the model changes these pictures as the prompt says. The output has the id of the
    first picture as `file`, all of them as `files` with {file, name, media_type, size}, the `model`
    and the `cost` in US dollars. `{{node.output.file}}` can be a file of an `llm` or of `http`.
    """

    type: ClassVar = "image"
    also: ClassVar = ("image_generation",)
    group: ClassVar = "ai"
    is_pure: ClassVar = True

    prompt: str = Field(min_length=1, max_length=32_000, description="What the picture shows.")
    model: str = Field(
        description="An alias from the models file, or litellm's name: openai/gpt-image-1."
    )
    files: list[Any] | str | dict[str, Any] | None = Field(
        default=None, description="Ids of uploaded pictures to change; one, or a list."
    )
    size: str | None = Field(default=None, description="Width and height: 1024x1024.")
    quality: str | None = Field(default=None, description="As the model names it: low, high, hd.")
    count: int = Field(default=1, ge=1, le=10, description="How many pictures to make.")
    timeout: Duration = Field(default=300.0, description="Time limit for the call of the model.")

    @classmethod
    def describe_output(cls, config: Mapping[str, Any]) -> Schema:
        """Return the schema of the files."""
        text: Schema = {"type": "string"}
        file: Schema = {
            "type": "object",
            "properties": {
                "file": text,
                "name": text,
                "media_type": text,
                "size": {"type": "integer"},
                "description": text,
            },
            "required": ["file", "name", "media_type", "size"],
        }
        properties: Schema = {
            "file": text,
            "files": {"type": "array", "items": file},
            "model": text,
            "cost": {"type": "number"},
        }
        return {"type": "object", "properties": properties, "required": list(properties)}

    @classmethod
    def shown_to_model(cls, output: Any) -> Any:
        """Return the ids of the files."""
        return {"files": [each["file"] for each in output["files"]]}

    @classmethod
    def effects(cls, config: Mapping[str, Any]) -> Effects:
        """Return the model."""
        return Effects((Need("media", str(config.get("model") or ""), ("model",)),))

    async def run(self, context: Context) -> dict[str, Any]:
        """Make the pictures, and store them."""
        given = self.files if isinstance(self.files, list) else [self.files]
        drafts = [
            await content_of_file(context, each, MAX_MEDIA) for each in given if each is not None
        ]
        options = {"size": self.size, "quality": self.quality, "n": self.count}
        wanted = {name: value for name, value in options.items() if value is not None}
        model = MediaModel(context, self.model, self.timeout)
        made = await model.pictures(self.prompt, wanted, drafts)
        files = []
        for number, picture in enumerate(made, 1):
            ending = _ending(picture.content)
            name = f"{context.node_id}-{number}.{ending}"
            file = await kept_as_file(context, picture.content, name, f"image/{ending}")
            files.append({**file, **({"description": picture.text} if picture.text else {})})
        cost = made[0].cost
        return {"file": files[0]["file"], "files": files, "model": made[0].model, "cost": cost}


def _ending(content: bytes) -> str:
    if content[:3] == b"\xff\xd8\xff":
        return "jpeg"
    return "webp" if content[8:12] == b"WEBP" else "png"
