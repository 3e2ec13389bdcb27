"""The built-in workflow that ingests documents."""

from typing import Any

from flowc.nodes.documents.ingest import Ingest

# One constant definition: what to ingest is its input, where no text is taken for a template.
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
