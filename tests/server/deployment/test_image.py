"""The image's file is well made, and what it starts runs on a file system that is read-only."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import httpx
import pytest

from fakes.deployment import DEPLOYMENT, require_command, run, run_tool
from fakes.places import ROOT
from fakes.processes import PATIENCE, free_port, until

DOCKERFILE = DEPLOYMENT / "Dockerfile"
Instruction = tuple[str, str]


def instructions() -> list[list[Instruction]]:
    """Return the instructions of each stage, and those before the first."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    stages: list[list[Instruction]] = [[]]
    for line in filter(None, text.splitlines()):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            stages.append([])
        stages[-1].append((word, " ".join(rest.split())))
    return stages


def in_last_stage(word: str) -> list[str]:
    return [rest for found, rest in instructions()[-1] if found == word]


def test_the_linter_finds_nothing(tmp_path: Path) -> None:
    done = run_tool("bin/hadolint", DOCKERFILE)
    assert (done.returncode, done.stdout) == (0, "")
    careless = tmp_path / "Dockerfile"
    careless.write_text("FROM python:latest\nRUN cd /x && pip install flowc\n")
    assert {"DL3007", "DL3003"} <= set(
        re.findall(r"DL\d+", run_tool("bin/hadolint", careless).stdout)
    )


def test_it_has_two_stages_of_the_same_base_and_ends_as_a_user_without_rights() -> None:
    before, build, last = instructions()
    assert [word for word, _ in before] == ["ARG"]
    assert build[0] == ("FROM", "python:${PYTHON} AS build") and last[0][1] == "python:${PYTHON}"
    assert in_last_stage("USER") == ["10001:10001"]
    copied = in_last_stage("COPY")
    assert copied == ["--from=build /opt/flowc /opt/flowc"]
    after_user = [word for word, _ in last[last.index(("USER", "10001:10001")) :]]
    assert not {"RUN", "COPY", "ADD"} & set(after_user)


def test_all_extras_that_it_can_install_are_those_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    [default] = [rest for word, rest in instructions()[1] if (word, rest[:7]) == ("ARG", "EXTRAS=")]
    assert set(default.removeprefix("EXTRAS=").split(",")) <= set(project["optional-dependencies"])


def test_what_it_copies_is_there_and_is_not_ignored() -> None:
    lines = (DEPLOYMENT / "Dockerfile.dockerignore").read_text().splitlines()
    allowed = [line[1:] for line in lines if line.startswith("!")]
    assert "*" in lines
    for word, rest in instructions()[1]:
        if word == "COPY":
            for name in rest.split()[:-1]:
                assert (ROOT / name).exists(), name
                assert name in allowed, f"{name} is ignored"
    assert not any(fnmatch("server/deployment/secrets/prometheus-key", each) for each in allowed)


def test_its_command_is_one_of_flowc() -> None:
    [entry], [command] = in_last_stage("ENTRYPOINT"), in_last_stage("CMD")
    assert entry == '["flowc"]'
    require_command([word.strip('", ') for word in command.strip("[]").split(", ")])


def test_the_part_of_the_lock_that_is_installed_has_hashes() -> None:
    # `locked.py` asks pip which packages are needed; what it makes of the answer is tested here.
    script = "import json, locked, sys; print(json.dumps(list(locked.entries(sys.stdin.read()))))"
    command = [sys.executable, "-c", f"import sys; sys.path[:0] = [{str(DEPLOYMENT)!r}]\n{script}"]
    lock = (ROOT / "requirements.lock").read_text()
    done = run(*command, stdin=lock)
    found = json.loads(done.stdout)
    assert "".join(text for _, text in found) == lock
    assert len({name for name, _ in found}) > 100
    assert all("--hash=sha256:" in text for _, text in found)


READ_ONLY = """
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs "$1"
mount -o remount,ro,bind /
mount --bind "$2" "$2" && mount -o remount,ro,bind "$2"
if touch "$2/written" 2>/dev/null; then echo "it can be written to"; exit 1; fi
shift 2
exec setpriv --no-new-privs --bounding-set=-all --inh-caps=-all --ambient-caps=-all -- "$@"
"""


@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("unshare") is None or shutil.which("setpriv") is None,
    reason="only root can make a file system read-only for a process",
)
def test_it_serves_without_capabilities_on_a_read_only_file_system(tmp_path: Path) -> None:
    data, log, port = tmp_path / "data", tmp_path / "log", free_port()
    data.mkdir()
    able = run("unshare", "--mount", "sh", "-c", "mount -t tmpfs tmpfs /mnt")
    if able.returncode != 0:
        pytest.skip(f"no namespace can be made here: {able.stderr}")
    own = {"FLOWC_DATA_DIR": str(data), "TMPDIR": str(data), "FLOWC_WARM_MODELS": "false"}
    flowc = [sys.executable, "-m", "flowc.server", "serve", "--port", str(port)]
    with log.open("w") as stderr:
        process = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", READ_ONLY, "sh", str(data), str(ROOT), *flowc],
            env={**os.environ, **own, "PYTHONDONTWRITEBYTECODE": "1"},
            stderr=stderr,
        )
    url = f"http://127.0.0.1:{port}"
    [check] = in_last_stage("HEALTHCHECK")
    command = check.partition("CMD ")[2].replace(":8000/", f":{port}/")
    words = [word.rstrip(",") for word in shlex.split(command.strip("[]"))]
    assert words[0] == "python"
    try:
        until(lambda: process.poll() is not None or answers(f"{url}/ping"))
        assert process.poll() is None, log.read_text()
        health = httpx.get(f"{url}/health").json()
        assert health["status"] == "ok" and "none" not in health["isolation"].values()
        assert run(sys.executable, *words[1:]).returncode == 0
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE)
    assert run(sys.executable, *words[1:]).returncode == 1


def answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.HTTPError:
        return False
