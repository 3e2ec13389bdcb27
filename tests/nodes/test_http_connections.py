"""Failures of an `http` node without an answer have codes of their own, and say what to do."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fakes.calls import call_http, run_http
from fakes.certificates import certified, tls_of
from fakes.loopback import Reply, Request, reply_json, serving
from flowc.compiler.running.run_context import NodeFailed
from flowc.nodes.services.egress.trust import HostTls, Trust, read_tls_file
from flowc.nodes.services.operator_files import OperatorFileRefused


async def failure(where: Any, **config: Any) -> NodeFailed:
    with pytest.raises(NodeFailed) as caught:
        await call_http(where, **config)
    return caught.value


@contextmanager
def answering(raw: bytes) -> Iterator[str]:
    """Answer each connection with these bytes, and close it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(10_000)
                    connection.sendall(raw)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


async def test_a_name_that_does_not_exist() -> None:
    found = await failure("http://no-such-host.invalid")
    assert found.code == "host-not-found"
    assert "'no-such-host.invalid' cannot be resolved" in str(found)


async def test_a_port_at_which_nothing_listens() -> None:
    found = await failure(f"http://127.0.0.1:{unused_port()}")
    assert (found.code, "refused" in str(found)) == ("connection-refused", True)


async def test_a_connection_that_is_closed_without_an_answer() -> None:
    for raw in (b"", b"220 mail.example ESMTP\r\n"):
        with answering(raw) as url:
            found = await failure(url)
        assert (found.code, "closed the connection" in str(found)) == ("connection-failed", True)


async def test_no_answer_in_time() -> None:
    with serving(lambda request: time.sleep(0.5) or Reply()) as server:
        found = await failure(server, timeout=0.1)
    assert (found.code, "No response within 0.1 s" in str(found)) == ("timeout", True)


async def test_no_connection_in_time() -> None:
    # A listener whose queue is full does not answer those who knock.
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        held = [socket.socket() for _ in range(4)]
        for each in held:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        found = await failure(f"http://127.0.0.1:{port}", timeout=1)
        for each in held:
            each.close()
    assert (found.code, "No connection could be opened" in str(found)) == ("timeout", True)


async def test_a_certificate_without_a_trusted_ca_names_the_setting(tmp_path: Path) -> None:
    own = certified(tmp_path, "a.test")
    with serving(lambda request: Reply(), tls_of(own)) as server:
        found = await failure(server)
        assert found.code == "tls-failed"
        assert "self-signed certificate" in str(found)
        assert "FLOWC_CA_FILE" in (found.evidence.hint or "")
        # Another attempt would get the same.
        retry = {"retry": {"max_attempts": 3, "initial_delay": 0.01}}
        assert (await failure(server, node=retry)).attempt == 1
        assert (await call_http(server, trust=Trust(own.cert))).output["status_code"] == 200


async def test_a_ca_of_the_operator_is_trusted(tmp_path: Path) -> None:
    ca = certified(tmp_path, "ca", address=None, is_ca=True)
    own = certified(tmp_path, "a.test", ca)
    with serving(lambda request: reply_json({"ok": True}), tls_of(own)) as server:
        assert "issuer" in str(await failure(server))
        everywhere = Trust(ca.cert)
        there = Trust(hosts={"127.0.0.1": HostTls(ca=ca.cert)})
        elsewhere = Trust(hosts={"b.test": HostTls(ca=ca.cert)})
        for trust in (everywhere, there):
            assert (await call_http(server, trust=trust)).output["body"] == {"ok": True}
        assert (await failure(server, trust=elsewhere)).code == "tls-failed"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"address": "127.0.0.2"}, "another name"),
        ({"address": None}, "another name"),
        ({"days": -1}, "has expired"),
    ],
)
async def test_a_certificate_of_another_name_or_time(
    tmp_path: Path, options: dict[str, Any], said: str
) -> None:
    own = certified(tmp_path, "a.test", **options)
    with serving(lambda request: Reply(), tls_of(own)) as server:
        found = await failure(server, trust=Trust(own.cert))
    assert (found.code, said in str(found)) == ("tls-failed", True)
    assert found.evidence.hint is None


async def test_tls_spoken_to_a_plain_port() -> None:
    with serving(lambda request: Reply()) as server:
        found = await failure(server.url.replace("http", "https"))
    assert (found.code, "does not speak it" in str(found)) == ("tls-failed", True)
    assert "http://" in (found.evidence.hint or "")


async def test_a_service_that_asks_for_a_client_certificate(tmp_path: Path) -> None:
    ca = certified(tmp_path, "ca", address=None, is_ca=True)
    own, client = certified(tmp_path, "a.test", ca), certified(tmp_path, "client", ca)
    with serving(lambda request: reply_json({"ok": True}), tls_of(own, ca)) as server:
        found = await failure(server, trust=Trust(ca.cert))
        assert (found.code, "client certificate" in str(found)) == ("tls-failed", True)
        assert "FLOWC_TLS_FILE" in (found.evidence.hint or "")
        file = tmp_path / "tls.yaml"
        file.write_text(f"127.0.0.1: {{ca: {ca.cert}, cert: {client.cert}, key: {client.key}}}")
        trust = Trust(hosts=read_tls_file(file))
        assert (await call_http(server, trust=trust)).output["body"] == {"ok": True}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a.test: {certificate: x}", "certificate"),
        ("a.test: {key: x}", "a key needs the certificate"),
        ("[1]", "must map names"),
    ],
)
def test_a_file_of_certificates_that_is_not_understood(
    tmp_path: Path, text: str, said: str
) -> None:
    file = tmp_path / "tls.yaml"
    file.write_text(text)
    with pytest.raises(OperatorFileRefused, match=said):
        read_tls_file(file)


def test_certificates_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    no_pem = tmp_path / "a.pem"
    no_pem.write_text("no certificate")
    for trust, where in (
        (Trust(tmp_path / "gone"), "FLOWC_CA_FILE"),
        (Trust(no_pem), "FLOWC_CA_FILE"),
        (Trust(hosts={"a.test": HostTls(cert=no_pem)}), "FLOWC_TLS_FILE, a.test"),
    ):
        with pytest.raises(OperatorFileRefused, match=where):
            trust.require_readable()


def coping(url: str) -> dict[str, Any]:
    text = "{{error.code}} {{error.status}} {{error.body}} {{error.node}}"
    return {
        "nodes": [
            {"id": "a", "type": "http", "config": {"url": url}, "on_error": {"goto": "b"}},
            {"id": "b", "type": "template", "config": {"template": text}},
        ]
    }


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        (reply_json({"detail": "no"}, 404), 'http-status 404 {"detail":"no"} a'),
        (Reply(500, b"oops"), "http-status 500 oops a"),
        (Reply(503), "http-status 503  a"),
        (Reply(400, b"\x89PNG\x00"), "http-status 400  a"),
        (Reply(422, b'{"n": NaN}', {"content-type": "application/json"}), "http-status 422  a"),
        (Reply(302, b"", {"location": "file:///x"}), "egress-denied   a"),
    ],
)
async def test_a_workflow_reads_the_status_and_the_body_of_a_failure(
    reply: Reply, text: str
) -> None:
    with serving(lambda request: reply) as server:
        assert (await run_http(coping(server.url))).output["text"] == text


async def test_without_an_answer_there_is_no_status() -> None:
    ran = await run_http(coping(f"http://127.0.0.1:{unused_port()}"))
    assert ran.output["text"] == "connection-refused   a"


async def test_what_a_service_says_with_a_failure_shows_no_secret() -> None:
    def answer(request: Request) -> Reply:
        return reply_json({"you": request.headers["x-key"]}, 401)

    with serving(answer) as server:
        workflow = coping(server.url)
        workflow["nodes"][0]["config"]["headers"] = {"x-key": "{{secrets.key}}"}
        ran = await run_http(workflow, secrets={"key": "sesame-42"})
    assert ran.output["text"] == 'http-status 401 {"you":"[secret]"} a'
    assert "sesame" not in repr(ran.events)


async def test_the_failure_of_a_body_has_its_status_too() -> None:
    with serving(lambda request: reply_json({"why": "x"}, 409)) as server:
        body = {"nodes": [{"id": "a", "type": "http", "config": {"url": server.url}}]}
        each = {"id": "m", "type": "map", "config": {"items": [1], "body": body}}
        workflow = coping(server.url)
        workflow["nodes"][0] = {**each, "on_error": {"goto": "b"}}
        assert (await run_http(workflow)).output["text"] == 'http-status 409 {"why":"x"} m'
