"""Several servers share one PostgreSQL database: what one revokes, the others refuse."""

from pathlib import Path

import httpx

from fakes.processes import new_database, serving, until
from fakes.runs_api import API


def status(server: httpx.Client, key: str) -> int:
    return server.get(f"{API}/runs", headers={"authorization": f"Bearer {key}"}).status_code


def test_a_revoked_key_ends_on_all_servers(postgres: str, tmp_path: Path) -> None:
    env = {**new_database(postgres), "FLOWC_AUTH": "on"}
    with (
        serving(tmp_path / "one", env) as (one, _),
        serving(tmp_path / "two", env, "--no-worker") as (two, _),
    ):
        admin = (tmp_path / "one" / "admin-key").read_text().strip()
        headers = {"authorization": f"Bearer {admin}"}
        body = {"name": "test", "role": "viewer"}
        made = one.post(f"{API}/keys", json=body, headers=headers).json()["key"]
        # Both have checked it and remember it.
        assert [status(one, made), status(two, made)] == [200, 200]
        one.delete(f"{API}/keys/{made.split('_')[1]}", headers=headers).raise_for_status()
        assert status(one, made) == 401
        until(lambda: status(two, made) == 401)
