"""Embeds texts and ranks passages with providers' models."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from flowc.compiler.node import NodeError
from flowc.nodes.services.models.account import NO_ACCOUNT, Account
from flowc.nodes.services.models.call import Models
from flowc.rag.embedding import Embedded, EmbeddingFailed

TIMEOUT = 60.0
# Providers whose vectors differ for questions and passages; the request says which it is.
_TAKES_INPUT_TYPE = frozenset({"cohere", "cohere_chat", "voyage", "nvidia_nim", "jina_ai"})


class ModelEmbedder:
    """A provider's embedding model; its `name` is litellm's, also if it is used by an alias."""

    def __init__(self, models: Models, model: str, account: Account = NO_ACCOUNT) -> None:
        self._models, self._model, self._account = models, model, account
        self.name = models.name_of(model)

    async def embed(self, texts: Sequence[str], *, is_query: bool = False) -> Embedded:
        """Return the vectors of texts; raise EmbeddingFailed."""
        # As base64: litellm takes more than a second for a hundred vectors as numbers.
        options: dict[str, Any] = {"encoding_format": "base64"}
        if self.name.partition("/")[0] in _TAKES_INPUT_TYPE:
            options["input_type"] = "search_query" if is_query else "search_document"
        try:
            answer = await self._ask(texts, options)
        except NodeError as problem:
            raise EmbeddingFailed(
                problem.code,
                problem.message,
                may_pass=problem.kind is not None,
                retry_after=problem.retry_after,
            ) from None
        rows = sorted(answer.data, key=lambda row: row["index"])
        vectors = _as_rows([row["embedding"] for row in rows], self.name)
        return Embedded(vectors, _tokens(answer), _cost(answer))

    async def _ask(self, texts: Sequence[str], options: Mapping[str, Any]) -> Any:
        async with self._account.paying(self.name, texts) as paid:
            answer, _ = await self._models.call(
                self._model, "aembedding", TIMEOUT, input=list(texts), **options
            )
            paid.tokens, paid.cost = _tokens(answer), _cost(answer)
        return answer


class ModelReranker:
    """A provider's model that scores how well passages answer a question."""

    def __init__(self, models: Models, model: str, account: Account = NO_ACCOUNT) -> None:
        self._models, self._model, self._account = models, model, account

    async def rerank(self, question: str, texts: Sequence[str]) -> list[float]:
        """Return a score for each text; raise NodeError."""
        async with self._account.paying(self._models.name_of(self._model), ()) as paid:
            answer, name = await self._models.call(
                self._model, "arerank", TIMEOUT, query=question, documents=list(texts)
            )
            paid.cost = _cost(answer)
        scores = {int(row["index"]): float(row["relevance_score"]) for row in answer.results or ()}
        if set(scores) != set(range(len(texts))):
            raise NodeError("invalid-ranking", f"The model {name!r} did not rank all passages.")
        return [scores[index] for index in range(len(texts))]


def _tokens(answer: Any) -> int:
    return int(getattr(answer.usage, "total_tokens", 0) or 0)


def _cost(answer: Any) -> float:
    known = (getattr(answer, "_hidden_params", None) or {}).get("response_cost")
    return float(known or 0.0)


def _as_rows(rows: list[Any], name: str) -> Any:
    import numpy as np  # noqa: PLC0415 - only documents need it

    try:
        if rows and isinstance(rows[0], str):
            raw = [np.frombuffer(base64.b64decode(row), np.float32) for row in rows]
            return np.asarray(raw, np.float32)
        return np.asarray(rows, np.float32)
    except ValueError:
        message = f"The model {name!r} returned vectors of different lengths."
        raise EmbeddingFailed("invalid-embedding", message) from None
