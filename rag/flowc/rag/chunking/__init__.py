"""Cuts documents into chunks that can be found and quoted."""

from flowc.rag.chunking.chunk import Chunking, TextChunk
from flowc.rag.chunking.chunker import Chunker, chunks_of

__all__ = ["Chunker", "Chunking", "TextChunk", "chunks_of"]
