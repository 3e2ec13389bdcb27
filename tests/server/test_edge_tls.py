"""The server speaks TLS with the files of its settings, and believes proxies that it is given."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from websockets.sync.client import connect
from websockets.typing import Origin

from fakes.command import flowc_here
from fakes.processes import free_port, serving, start, until
from fakes.runs_api import API, begin, pause
from flowc.server.cli.commands.serve import may_listen
from flowc.server.settings import Settings


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a certificate for 127.0.0.1, signed by itself, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "flowc")])
    now = datetime.now(UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(address, critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, kind = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (folder / "cert.pem").write_bytes(certificate.public_bytes(pem))
    (folder / "key.pem").write_bytes(key.private_bytes(pem, kind, serialization.NoEncryption()))
    return folder / "cert.pem", folder / "key.pem"


def test_the_server_speaks_https_with_a_certificate(
    tmp_path: Path, files: tuple[Path, Path]
) -> None:
    env = {"FLOWC_TLS_CERT": str(files[0]), "FLOWC_TLS_KEY": str(files[1])}
    port, trusted = free_port(), ssl.create_default_context(cafile=str(files[0]))
    process = start(tmp_path / "d", ["serve", "--port", str(port)], env)
    base = f"https://127.0.0.1:{port}"

    def ready(api: httpx.Client) -> bool:
        try:
            return api.get("/ping").is_success
        except httpx.TransportError:
            return False

    try:
        with httpx.Client(base_url=base, verify=trusted, trust_env=False) as api:
            until(lambda: ready(api))
            answer = api.get("/ping")
            assert answer.headers["strict-transport-security"] == "max-age=31536000"
            run = begin(api, [pause("a")])["id"]
            own = {"origin": base}
            body = {"definition": {"nodes": [pause("a")]}}
            assert api.post(f"{API}/workflows/execute", json=body, headers=own).status_code == 200
            url = f"wss://127.0.0.1:{port}{API}/runs/{run}/ws"
            with connect(url, ssl=trusted, origin=Origin(base)) as socket:
                assert "run.created" in str(socket.recv())
    finally:
        process.terminate()
        process.wait()


def test_unusable_files_for_tls_are_refused_with_a_sentence(
    tmp_path: Path, files: tuple[Path, Path]
) -> None:
    certificate, key = map(str, files)
    other = tmp_path / "other.pem"
    other.write_text("no key")
    for given, said in (
        ({"FLOWC_TLS_CERT": certificate}, "must be set together"),
        ({"FLOWC_TLS_CERT": certificate, "FLOWC_TLS_KEY": "/no/key"}, "FLOWC_TLS_KEY: there is no"),
        (
            {"FLOWC_TLS_CERT": certificate, "FLOWC_TLS_KEY": str(other)},
            "no certificate and its key",
        ),
        ({"FLOWC_TLS_CERT": key, "FLOWC_TLS_KEY": certificate}, "no certificate and its key"),
    ):
        done = flowc_here("serve", FLOWC_DATA_DIR=str(tmp_path / "d"), **given)
        assert done.returncode == 2
        assert said in done.stderr
        assert "Traceback" not in done.stderr


def test_only_proxies_that_the_operator_names_are_believed(tmp_path: Path) -> None:
    sent = {"x-forwarded-proto": "https"}
    option = ("--forwarded-allow-ips", "10.0.0.1")
    with serving(tmp_path / "d", None, *option) as (api, _):
        assert "strict-transport-security" not in api.get("/ping", headers=sent).headers


def test_the_server_may_listen_on_this_machine_only() -> None:
    for host in ("127.0.0.1", "::1", "localhost", "127.8.8.8"):
        assert may_listen(host, Settings()) is None
    for host in ("0.0.0.0", "::", "192.168.1.1", "flowc.example", ""):
        assert "127.0.0.1" in (may_listen(host, Settings()) or "")
