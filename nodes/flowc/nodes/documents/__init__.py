"""Node types that read documents, and store and search them in collections."""
