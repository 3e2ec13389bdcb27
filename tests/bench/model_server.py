"""A model server in a process of its own, so that its cost is not measured; prints its port."""

import base64
import json
import random
import struct
import sys
import threading
from zlib import crc32

from fakes.loopback import Reply, Request, completion, serving, streamed

TOKENS = 400


DIMENSION, VARIETY = 1_536, 256
_CHANCE = random.Random(1)
_VECTORS = [[round(_CHANCE.gauss(0, 0.03), 6) for _ in range(DIMENSION)] for _ in range(VARIETY)]
# As text of numbers, and as providers send them on request: in base64.
_NUMBERS = [json.dumps(vector) for vector in _VECTORS]
_BASE64 = [
    json.dumps(base64.b64encode(struct.pack(f"<{DIMENSION}f", *vector)).decode())
    for vector in _VECTORS
]


def _embeddings(request: Request) -> Reply:
    """Return vectors as OpenAI does: each text gets one of some hundreds that are drawn once."""
    asked = json.loads(request.body)
    known = _BASE64 if asked.get("encoding_format") == "base64" else _NUMBERS
    rows = ",".join(
        f'{{"object":"embedding","index":{i},"embedding":{known[crc32(text.encode()) % VARIETY]}}}'
        for i, text in enumerate(asked["input"])
    )
    usage = '{"prompt_tokens":1,"total_tokens":1}'
    body = f'{{"object":"list","model":"m","data":[{rows}],"usage":{usage}}}'
    return Reply(200, body.encode(), {"content-type": "application/json"})


def _answer(request: Request) -> Reply:
    if request.path.endswith("/embeddings"):
        return _embeddings(request)
    if json.loads(request.body).get("stream"):
        return streamed([f"w{number} " for number in range(TOKENS)])
    return completion("Paris.")


if __name__ == "__main__":
    with serving(_answer) as server:
        sys.stdout.write(f"{server.port}\n")
        sys.stdout.flush()
        threading.Event().wait()
