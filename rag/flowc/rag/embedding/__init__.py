"""Turns texts into vectors, with any model."""

from flowc.rag.embedding.embedder import Embedded, Embedder, EmbeddingFailed
from flowc.rag.embedding.embeddings import Embeddings
from flowc.rag.embedding.offline import OfflineEmbedder

__all__ = ["Embedded", "Embedder", "EmbeddingFailed", "Embeddings", "OfflineEmbedder"]
