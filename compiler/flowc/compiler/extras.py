"""The optional packages of flowc: which extra has them, and what to say if one is missing."""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec

# The packages of each extra, by the names that they are imported under.
EXTRAS: Mapping[str, tuple[str, ...]] = {
    "models": ("litellm", "tiktoken"),
    "server": (
        "alembic", "croniter", "cryptography", "dbos", "fastapi", "fastapi_offline", "filelock",
        "httptools", "jwt",
        "opentelemetry.exporter.otlp.proto.http", "opentelemetry.sdk.trace", "orjson", "psycopg",
        "redis", "sqlalchemy", "throttled", "uvicorn", "websockets",
    ),
    "documents": (
        "charset_normalizer", "docx", "markdown_it", "numpy", "pgvector", "pptx", "psycopg",
        "pypdf", "python_calamine", "sqlalchemy", "wordllama",
    ),
    "rag": ("chromadb", "filelock"),
    "ocr": ("onnxruntime", "pypdfium2", "rapidocr"),
}  # fmt: skip
# How many missing packages are named.
_SHOWN = 3
# The extras that an extra brings with it.
_INCLUDED: Mapping[str, tuple[str, ...]] = {
    "server": ("models",),
    "documents": ("models",),
    "rag": ("documents", "models"),
    "ocr": ("documents", "models"),
}


def missing_packages(extra: str) -> list[str]:
    """Return what is not installed of an extra and of those that it brings with it."""
    names = [extra, *_INCLUDED.get(extra, ())]
    packages = dict.fromkeys(package for name in names for package in EXTRAS.get(name, ()))
    return [package for package in packages if not _is_installed(package)]


def extra_of(module: str) -> str | None:
    """Return the extra that brings a module, the smallest first; None for all other modules.

    >>> extra_of("fastapi.routing"), extra_of("chromadb"), extra_of("json")
    ('server', 'rag', None)
    """
    for extra, packages in EXTRAS.items():
        if any(_is_same(module, each) for each in packages):
            return extra
    return None


def _is_same(module: str, package: str) -> bool:
    """Return whether one of the two is in the other, or is the other."""
    return f"{module}.".startswith(f"{package}.") or f"{package}.".startswith(f"{module}.")


def not_installed(extra: str, missing: Sequence[str]) -> str:
    """Return the sentence that an extra is not installed.

    >>> not_installed("ocr", ["rapidocr"])
    "The extra 'ocr' is not installed: there is no rapidocr."
    """
    more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
    shown = ", ".join(missing[:_SHOWN])
    return f"The extra {extra!r} is not installed: there is no {shown}{more}."


def absence(problem: ModuleNotFoundError) -> str | None:
    """Return which extra lacks, and how to install it; None if the module is in none of them.

    >>> absence(ModuleNotFoundError(name="dbos"))
    "The extra 'server' is not installed: there is no dbos. Install it: pip install 'flowc[server]'"
    """
    module = problem.name or ""
    extra = extra_of(module)
    if extra is None:
        return None
    return f"{not_installed(extra, [module])} Install it: {how_to_install(extra)}"


def how_to_install(*extras: str) -> str:
    """Return the command that installs extras.

    >>> how_to_install("ocr", "rag")
    "pip install 'flowc[ocr,rag]'"
    """
    return f"pip install 'flowc[{','.join(extras)}]'"


def _is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:
        # The package that this one is in.
        return False
