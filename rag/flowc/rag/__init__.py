"""The documents' library: reads, chunks, embeds, stores and searches documents."""
