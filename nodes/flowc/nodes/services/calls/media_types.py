"""Tells media types apart: JSON, lists of lines or events, texts, and binary ones."""

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
EVENT_STREAM = "text/event-stream"
JSON_LINES = frozenset(
    {
        "application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonl",
        "application/jsonlines", "application/x-jsonlines", "application/json-lines",
        "application/json-seq", "application/stream+json", "application/x-json-stream",
    }
)  # fmt: skip
# Such an answer is JSON if it looks so: the type says nothing of it, or is often wrong.
_UNSPECIFIC = frozenset(
    {
        "", "text/plain", "text/json", "text/x-json", "text/javascript", "application/javascript",
        "application/x-javascript", "application/octet-stream", "binary/octet-stream",
    }
)  # fmt: skip
_TEXTS = frozenset(
    {
        "application/xml", "application/javascript", "application/x-javascript", "application/yaml",
        "application/x-yaml", "application/toml", "application/sql", "application/graphql",
        "application/ecmascript", "application/rtf", "application/x-sh", "application/csv", FORM,
        "message/rfc822", "image/svg+xml", "application/jwt", "application/x-pem-file",
        "application/xml-dtd", "application/vnd.ms-excel.csv",
    }
)  # fmt: skip
_BINARY_FAMILIES = frozenset({"image", "audio", "video", "font", "model"})
_BINARY = frozenset(
    {
        "application/pdf", "application/zip", "application/gzip", "application/x-gzip",
        "application/x-tar", "application/x-7z-compressed", "application/wasm",
        "application/msword", "application/vnd.ms-excel", "application/vnd.rar",
        "application/x-protobuf", "application/protobuf", "application/vnd.apache.parquet",
        "application/epub+zip",
        "application/java-archive", "application/x-bzip2", "application/zstd",
    }
)  # fmt: skip


def essence(content_type: str) -> str:
    """Return a media type without its parameters.

    >>> essence("Text/HTML; charset=utf-8")
    'text/html'
    """
    return content_type.partition(";")[0].strip().lower()


def is_json(media: str) -> bool:
    """Return whether a media type is one of JSON."""
    if media in JSON_LINES:
        return False
    return media in {"application/json", "text/json"} or media.endswith("+json")


def may_be_json(media: str) -> bool:
    """Return whether JSON comes under this media type, too."""
    return media in _UNSPECIFIC


def is_text(media: str) -> bool:
    """Return whether a media type is one of texts."""
    return media.startswith("text/") or media in _TEXTS or media.endswith(("+xml", "+yaml"))


def is_binary(media: str) -> bool:
    """Return whether a media type is one of files that are no texts.

    >>> is_binary("image/png"), is_binary("image/svg+xml"), is_binary("application/x-unknown")
    (True, False, False)
    """
    if is_text(media):
        return False
    office = media.startswith(("application/vnd.openxmlformats", "application/vnd.oasis"))
    return media.partition("/")[0] in _BINARY_FAMILIES or media in _BINARY or office
