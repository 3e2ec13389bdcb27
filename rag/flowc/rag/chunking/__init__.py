"""How is a document cut into chunks that can be found and quoted?"""

from flowc.rag.chunking.chunk import Chunk, Chunking
from flowc.rag.chunking.chunker import Chunker, chunks_of

__all__ = ["Chunk", "Chunker", "Chunking", "chunks_of"]
