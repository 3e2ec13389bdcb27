"""A real Redis for tests."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from redis import Redis, RedisError

from fakes.processes import PATIENCE, until

needs_redis = pytest.mark.skipif(
    shutil.which("redis-server") is None, reason="no redis-server is installed"
)


@contextmanager
def redis_server(port: int, folder: Path) -> Iterator[Redis]:
    command = ["redis-server", "--port", str(port), "--dir", str(folder), "--save", ""]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    client = Redis(port=port)
    try:
        until(partial(_answers, client))
        yield client
    finally:
        client.close()
        process.terminate()
        process.wait(timeout=PATIENCE)


def _answers(client: Redis) -> bool:
    try:
        return bool(client.ping())
    except RedisError:
        return False
