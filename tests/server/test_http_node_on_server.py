"""The `http` node in runs of a server: uploads in and out, credentials that are stored nowhere."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from fakes.certificates import certified, tls_of
from fakes.command import flowc
from fakes.loopback import Reply, Request, reply_json
from fakes.loopback import serving as answering
from fakes.processes import serving
from fakes.runs_api import API

PDF = b"%PDF-1.7 \x00\xff\xfe"
TOKEN = "issued-token-8f41c2"


def service(request: Request) -> Reply:
    if request.path == "/report":
        return Reply(200, PDF, {"content-type": "application/pdf"})
    if request.path == "/token":
        return reply_json({"access_token": TOKEN, "expires_in": 600})
    if request.path == "/me":
        return reply_json({"you": request.headers.get("authorization")})
    return reply_json({"body": request.body.hex()})


def http(id: str, url: str, **config: Any) -> dict[str, Any]:
    return {"id": id, "type": "http", "config": {"url": url, **config}}


def executed(api: httpx.Client, *nodes: dict[str, Any], **given: Any) -> dict[str, Any]:
    edges = [{"source": one["id"], "target": other["id"]} for one, other in pairwise(nodes)]
    definition = {"nodes": list(nodes), "edges": edges}
    response = api.post(
        f"{API}/workflows/execute", json={"definition": definition, "input": given, "wait": True}
    )
    run: dict[str, Any] = response.json()
    assert run["status"] == "completed", run["error"]
    return run


def test_files_are_uploads_that_other_nodes_and_people_read(tmp_path: Path) -> None:
    with (
        answering(service) as other,
        serving(tmp_path / "d", {"FLOWC_EGRESS_ALLOW": f"127.0.0.1:{other.port}"}) as (api, _),
    ):
        own = api.post(f"{API}/knowledge/files", files={"file": ("a.txt", b"Ships sail.")}).json()
        run = executed(
            api,
            http("get", f"{other.url}/report"),
            http(
                "put",
                f"{other.url}/echo",
                method="POST",
                body_type="multipart",
                body={"own": {"file": "{{input.file}}"}, "report": "{{get.output.body}}"},
            ),
            file=own["id"],
        )
        sent = bytes.fromhex(run["output"]["body"]["body"])
        assert b'name="own"; filename="a.txt"' in sent
        assert b"Ships sail." in sent
        assert PDF in sent
        [stored] = [
            each
            for each in api.get(f"{API}/knowledge/files").json()["items"]
            if each["name"] == "report.pdf"
        ]
        content = api.get(f"{API}/knowledge/files/{stored['id']}/content")
        assert (content.content, stored["media_type"]) == (PDF, "application/pdf")


def test_an_issued_token_is_in_no_file_of_the_server(tmp_path: Path) -> None:
    with answering(service) as other:
        env = {
            "FLOWC_EGRESS_ALLOW": f"127.0.0.1:{other.port}",
            "FLOWC_SECRET_CLIENT": "client-sesame-42",
        }
        auth = {
            "type": "oauth2", "token_url": f"{other.url}/token", "client_id": "me",
            "client_secret": "{{secrets.client}}",
        }  # fmt: skip
        with serving(tmp_path / "d", env) as (api, _):
            for _ in range(2):
                run = executed(api, http("me", f"{other.url}/me", auth=auth))
                assert run["output"]["body"] == {"you": "Bearer [secret]"}
                history = api.get(f"{API}/runs/{run['id']}/history").text
                assert TOKEN not in history
        paths = [request.path for request in other.requests]
    assert paths == ["/token", "/me", "/me"]
    for file in (tmp_path / "d").rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert TOKEN.encode() not in content, file
            assert b"client-sesame-42" not in content, file


@pytest.mark.parametrize("kind", ["ca_file", "tls_file"])
def test_the_operators_files_of_certificates_are_used_by_the_command(
    tmp_path: Path, kind: str
) -> None:
    own = certified(tmp_path, "a.test")
    settings = {"FLOWC_CA_FILE": str(own.cert)}
    if kind == "tls_file":
        file = tmp_path / "tls.json"
        file.write_text(json.dumps({"127.0.0.1": {"ca": str(own.cert)}}))
        settings = {"FLOWC_TLS_FILE": str(file)}
    with answering(lambda request: reply_json({"ok": True}), tls_of(own)) as other:
        workflow = tmp_path / "w.json"
        workflow.write_text(json.dumps({"nodes": [http("a", other.url)]}))
        allow = {"FLOWC_EGRESS_ALLOW": f"127.0.0.1:{other.port}"}
        ran = flowc("run", workflow, "--json", **allow, **settings)
        assert json.loads(ran.stdout)["output"]["body"] == {"ok": True}
        failed = flowc("run", workflow, "--json", **allow)
    error = json.loads(failed.stdout)["error"]
    assert (failed.returncode, error["code"]) == (1, "tls-failed")
    assert "FLOWC_CA_FILE" in error["hint"]
