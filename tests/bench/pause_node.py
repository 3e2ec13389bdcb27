"""A node type for the measured servers, which find it by its entry point as they find any other."""

import asyncio
from pathlib import Path
from typing import ClassVar

from flowc.compiler.node import Context, Node

PAYLOAD = "0123456789abcdef" * 64


class Pause(Node):
    """Return a kilobyte after some seconds, in which nothing is computed."""

    type: ClassVar = "pause"
    seconds: float

    async def run(self, context: Context) -> dict[str, str]:
        await asyncio.sleep(self.seconds)
        return {"value": PAYLOAD}


NODE_TYPES = (Pause,)


def installed_in(folder: Path) -> str:
    """Install the node type in a folder; return the folder, for PYTHONPATH."""
    metadata = folder / "bench_pause-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: bench-pause\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[flowc.nodes]\npause = {__name__}\n")
    return str(folder)
