"""A model's server in a process of its own, so that what it costs is not counted: says its port."""

import json
import sys
import threading

from loopback import Reply, Request, completion, serving, streamed

TOKENS = 400


def _answer(request: Request) -> Reply:
    if json.loads(request.body).get("stream"):
        return streamed([f"w{number} " for number in range(TOKENS)])
    return completion("Paris.")


if __name__ == "__main__":
    with serving(_answer) as server:
        sys.stdout.write(f"{server.port}\n")
        sys.stdout.flush()
        threading.Event().wait()
