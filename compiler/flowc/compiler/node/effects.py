"""What a node needs that is outside the workflow, and what it can touch."""

from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from flowc.compiler.diagnostics import Pointer
from flowc.compiler.expressions import has_expressions

# `files` is a folder or a file, `upload` the id of an uploaded file; `vectors` are those of a
# collection: they need its embedding model, or the default one if it is new. `media` is a model of
# pictures or sounds.
NeedKind = Literal[
    "model", "embedding", "ranking", "media", "secret", "url", "file", "files", "upload",
    "mcp-server", "mcp-url", "collection", "vectors", "extra", "env",
]  # fmt: skip

DEFAULT_MODEL = "the default model"
_URLS = frozenset({"url", "mcp-url"})


class Need(NamedTuple):
    """Something outside the workflow, by the name that the configuration has for it.

    Without a `name`, it is the operator's default. `path` is where the configuration names it. Not
    every run of the node fails without it, unless `is_sure`.
    """

    kind: NeedKind
    name: str = ""
    path: Pointer = ()
    is_sure: bool = True

    @property
    def is_known(self) -> bool:
        """Whether the name is known before the run: as much of it as shows where a URL leads."""
        return not has_expressions(self.origin if self.kind in _URLS else self.name)

    @property
    def origin(self) -> str:
        """The URL without what follows its host, if a template is in that.

        >>> Need("url", "https://a.test/{{input.id}}").origin
        'https://a.test/'
        >>> Need("url", "https://{{input.host}}/x").origin
        'https://{{input.host}}/x'
        """
        written = self.name.partition("{")[0]
        scheme, mark, rest = written.partition("://")
        ends = [rest.index(end) for end in "/?#" if end in rest]
        if written == self.name or not mark or not ends:
            return self.name
        return f"{scheme}{mark}{rest[: min(ends)]}/"

    @property
    def host(self) -> str:
        """The host and port of a URL, or the whole URL if it has a template.

        >>> Need("url", "https://me@a.test:8443/x").host, Need("url", "{{input.url}}").host
        ('a.test:8443', '{{input.url}}')
        """
        if has_expressions(self.name):
            return self.name
        try:
            return urlsplit(self.name).netloc.rpartition("@")[2] or self.name
        except ValueError:
            return self.name


class Effects(NamedTuple):
    """What a node needs and can touch, as far as its configuration shows before the run.

    `calls` are the fewest and the most model calls of one run of the node; `prompt` is the length
    of their text in characters, as written, and `values` counts the values filled into it. A node
    that `reads_only` changes nothing that other nodes could need.
    """

    needs: tuple[Need, ...] = ()
    calls: tuple[int, int] = (0, 0)
    prompt: int = 0
    values: int = 0
    max_tokens: int | None = None
    reads_only: bool = False

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts and MCP servers that it calls."""
        return tuple(
            need.host if need.kind in _URLS else f"mcp:{need.name}"
            for need in self.needs
            if need.kind in _URLS or need.kind == "mcp-server"
        )

    @property
    def models(self) -> tuple[str, ...]:
        """The models that it calls; the default one only if it answers."""
        return tuple(
            need.name or DEFAULT_MODEL
            for need in self.needs
            if need.kind == "model"
            or (need.kind in {"embedding", "ranking", "media"} and need.name)
        )

    @property
    def files(self) -> tuple[str, ...]:
        """The files and folders that it reads."""
        return tuple(need.name for need in self.needs if need.kind in {"file", "files", "upload"})
