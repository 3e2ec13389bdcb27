"""Reading, cutting, embedding and storing documents as other tools describe it."""

from collections.abc import Mapping

from flowc.compiler.reading.familiar.translation import Translation

_FORMATS: Mapping[str, str] = {
    "pdf": "application/pdf",
    "txt": "text/plain",
    "text": "text/plain",
    "md": "text/markdown",
    "markdown": "text/markdown",
    "csv": "text/csv",
    "json": "application/json",
    "html": "text/html",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}
_WAYS: Mapping[str, str] = {
    "recursive": "recursive", "recursive_character": "recursive", "paragraph": "recursive",
    "paragraphs": "recursive", "fixed": "tokens", "fixed_size": "tokens", "token": "tokens",
    "tokens": "tokens", "sentence": "sentences", "sentences": "sentences", "markdown": "headings",
    "heading": "headings", "headings": "headings", "page": "pages", "pages": "pages",
}  # fmt: skip


def read_file_reader(found: Translation) -> None:
    """Translate the format; the encoding of a text is found without help."""
    key = next((k for k in ("format", "file_type", "type", "file_format") if found.has(k)), None)
    if key is not None:
        given = str(found.written.pop(key)).lower().lstrip(".")
        if given not in {"auto", "any"}:
            found.put("media_type", _FORMATS.get(given, given), key)
    found.take("encoding", "charset")


def read_chunking(found: Translation) -> None:
    """Translate the way of cutting, and leave out separators that are the usual ones."""
    by = found.config.get("by")
    if isinstance(by, str):
        origin = found.moved["by",]
        if by.lower() in _WAYS:
            found.put("by", _WAYS[by.lower()], *origin)
        else:
            hint = "Write recursive, tokens, sentences, headings or pages."
            found.misfit(f"There is no way of cutting {by[:40]!r}.", hint, *origin)
            del found.config["by"]
    if isinstance(found.config.get("text", found.written.get("text")), dict):
        found.put("document", found.config.pop("text", None) or found.written.pop("text"))
    if found.has("unit"):
        unit = str(found.written["unit"]).lower()
        if unit in {"token", "tokens"}:
            found.written.pop("unit")
        else:
            found.refuse(
                "unit",
                "The size of a chunk is in tokens.",
                "Remove `unit`: a token has about four characters.",
            )


def read_embedding(found: Translation) -> None:
    """Translate the model and its provider."""
    provider = found.take("provider", "embedding_provider")
    _join_provider(found, provider)
    if found.has("batch_size"):
        found.refuse(
            "batch_size",
            "'batch_size' is not known here.",
            "Remove it: batches are as large as the provider allows.",
        )


def read_storage(found: Translation) -> None:
    """Leave out where vectors are stored, which the operator decides."""
    for key in ("store", "vector_store", "provider", "backend", "store_type", "database"):
        if found.has(key):
            found.refuse(
                key,
                f"{key!r} is not for a definition to say.",
                "Remove it: the operator chooses the store with FLOWC_DOCUMENT_STORE.",
            )
    found.take("upsert", "create_if_not_exists", "create_collection")


def _join_provider(found: Translation, provider: object) -> None:
    name = found.config.get("model", found.written.get("model"))
    if isinstance(provider, str) and isinstance(name, str) and "/" not in name and "{{" not in name:
        origin = found.moved.get(("model",), ("model",))
        found.written.pop("model", None)
        found.put("model", f"{provider.lower()}/{name}", *origin)
