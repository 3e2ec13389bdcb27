"""Which workflow brings documents in, where nobody has written one?"""

from typing import Any

from flowc.nodes.documents.ingest import Ingest

# One definition for all: what it is to do is its input, where no text is taken for a template.
INGEST: dict[str, Any] = {
    "name": "Ingest",
    "nodes": [
        {
            "id": "ingest",
            "type": "ingest",
            "config": {name: f"{{{{input.{name}}}}}" for name in Ingest.model_fields},
        }
    ],
}
