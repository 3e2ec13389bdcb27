"""Starts flowc's server and its rivals as processes, and measures their CPU, memory and answers."""

import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from bench.pause_node import installed_in
from bench.works import Work
from fakes import processes
from fakes.places import TESTS
from fakes.processes import PATIENCE, free_port

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Contestant:
    """A running server, with the route of its works, and what each of its answers contains."""

    name: str
    process: "subprocess.Popen[bytes]"
    port: int
    log: Path
    route: str = ""
    proof: str = ""

    def cpu(self) -> float:
        """Return the seconds of CPU that the process and all its children have used."""
        return cpu_of(self.process.pid)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=PATIENCE)

    def own_cpu(self) -> float:
        """Return the seconds of CPU that the process itself has used, without its children."""
        return time.clock_gettime(_clock(self.process.pid))

    def memory(self) -> float:
        """Return the memory of the process and all its children in MB; shared pages count once."""
        kilobytes = 0
        for pid in _family(self.process.pid):
            with suppress(FileNotFoundError, ProcessLookupError):
                lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
                kilobytes += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        return kilobytes / 1024

    def open_files(self) -> int:
        """Return how many files and sockets the process and all its children have open."""
        count = 0
        for pid in _family(self.process.pid):
            with suppress(FileNotFoundError, ProcessLookupError):
                count += len(list(Path(f"/proc/{pid}/fd").iterdir()))
        return count

    def job(self, work: Work, requests: int, clients: int = 1, **more: Any) -> dict[str, Any]:
        """Return the job that the load generator gets, to run a work a number of times."""
        return {
            "port": self.port,
            "path": self.route.format(work.name),
            "body": json.dumps({"input": work.input}),
            "proof": self.proof,
            "requests": requests,
            "clients": clients,
            **more,
        }


def cpu_of(pid: int) -> float:
    """Return the seconds of CPU of a process, its children, and those of them that have ended."""
    used = 0.0
    for each in _family(pid):
        if fields := _stat(each):
            used += (int(fields[13]) + int(fields[14])) / TICKS
            used += time.clock_gettime(_clock(each))
    return used


def _clock(pid: int) -> int:
    """Return the clock of a process, as clock_getcpuclockid(3) does: finer than the ticks in /proc."""
    return (~pid << 3) | 2


def parent_of(pid: int) -> int:
    return int(_stat(pid)[1])


def _stat(pid: int) -> list[str]:
    """Return the fields after the name in /proc; none if the process has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _family(pid: int) -> list[int]:
    children: dict[int, list[int]] = defaultdict(list)
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (fields := _stat(int(folder.name))):
            children[int(fields[1])].append(int(folder.name))
    found = [pid]
    for each in found:
        found += children[each]
    return found


class AnswerRefused(Exception):
    """A server ended, or gave another answer than a work has."""


class Load:
    """The load generator, a process of its own."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process

    def send(self, job: dict[str, Any]) -> dict[str, Any]:
        """Send the requests of a job; return the seconds, latencies, bytes and answers."""
        assert self.process.stdin is not None and self.process.stdout is not None  # asked for
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        result: dict[str, Any] = json.loads(self.process.stdout.readline())
        if "problem" in result:
            raise AnswerRefused(f"{job['path']}: {result['problem']}")
        return result


@contextmanager
def load() -> Iterator[Load]:
    command = [sys.executable, "-m", "bench.load"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=TESTS) as process:
        try:
            yield Load(process)
        finally:
            process.kill()


@contextmanager
def stub() -> Iterator[int]:
    """Start the model server, and yield its port."""
    port = free_port()
    with subprocess.Popen([sys.executable, "-m", "bench.stub", str(port)], cwd=TESTS) as process:
        try:
            answering(Contestant("stub", process, port, Path(os.devnull)), "/")
            yield port
        finally:
            process.kill()


def answering(server: Contestant, path: str) -> None:
    """Wait until a server answers a GET request."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        status = server.process.poll()
        assert status is None, (
            f"{server.name} ended with {status}: {server.log.read_text()[-3000:]}"
        )
        with suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
            connection.request("GET", path)
            if connection.getresponse().status == 200:
                return
        time.sleep(0.01)
    raise AssertionError("the server did not answer in time")


def settings_of_ours(folder: Path, stub_port: int) -> dict[str, str]:
    """Write the models file and the measured node type; return the environment with both."""
    models = folder / "models.json"
    if not models.exists():
        model = {"model": "openai/gpt-4", "api_key": "sk-x"}
        where = {"api_base": f"http://127.0.0.1:{stub_port}/v1"}
        models.write_text(json.dumps({"m": {**model, **where}}))
        installed_in(folder / "plugin")
    paths = [str(folder / "plugin"), str(TESTS), os.environ.get("PYTHONPATH", "")]
    return {
        "FLOWC_MODELS_FILE": str(models),
        "FLOWC_EGRESS_ALLOW": "127.0.0.1/32",
        "FLOWC_WARM_MODELS": "true",
        # The rivals admit all clients, too.
        "FLOWC_AUTH": "off",
        "PYTHONPATH": os.pathsep.join(paths),
    }


def start_ours(
    folder: Path, env: dict[str, str], *options: str, sampled: Path | None = None
) -> Contestant:
    """Start `flowc serve` on the data folder in a folder; its stacks are `sampled` to a file."""
    port = free_port()
    arguments = ["serve", "--port", str(port), *options]
    if sampled is None:
        process, log = processes.start(folder / "data", arguments, env), folder / "data.log"
    else:
        env = {**os.environ, **env, "FLOWC_DATA_DIR": str(folder / "data")}
        process, log = _logged(_python(sampled, "flowc.server", *arguments), folder, env)
    route = "/api/v1/workflows/{}/execute"
    return Contestant("flowc", process, port, log, route, '"status":"completed"')


def _logged(
    command: list[str], folder: Path, env: dict[str, str]
) -> tuple["subprocess.Popen[bytes]", Path]:
    """Start a process that writes its output to a file; return both."""
    file = folder / "server.log"
    with file.open("ab") as log:
        return subprocess.Popen(command, cwd=TESTS, env=env, stdout=log, stderr=log), file


@contextmanager
def ours(
    stub_port: int,
    database: dict[str, str] | None = None,
    *options: str,
    sampled: Path | None = None,
) -> Iterator[Contestant]:
    """Run `flowc serve` on a new data folder until the block ends."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        env = {**settings_of_ours(folder, stub_port), **(database or {})}
        server = start_ours(folder, env, *options, sampled=sampled)
        try:
            answering(server, "/health")
            yield server
        finally:
            server.stop()


def start_rival(
    kind: str,
    folder: Path,
    stub_port: int,
    database: str | None = None,
    *,
    sampled: Path | None = None,
) -> Contestant:
    """Start a rival, whose database is a file in a folder unless one is named."""
    port = free_port()
    where = database or str(folder / "rival.db")
    arguments = ["bench.rivals_http", kind, str(port), str(stub_port), where]
    env = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    process, log = _logged(_python(sampled, *arguments), folder, env)
    return Contestant(kind, process, port, log, "/{}", '"output":')


def _python(sampled: Path | None, *arguments: str) -> list[str]:
    """Return the command that runs a module, or runs and samples it."""
    sampler = ["bench.sampled", str(sampled)] if sampled else []
    return [sys.executable, "-m", *sampler, *arguments]


@contextmanager
def rival(
    kind: str, stub_port: int, database: str | None = None, *, sampled: Path | None = None
) -> Iterator[Contestant]:
    """Run a rival on a new database until the block ends."""
    with tempfile.TemporaryDirectory() as name:
        contestant = start_rival(kind, Path(name), stub_port, database, sampled=sampled)
        try:
            answering(contestant, "/health")
            yield contestant
        finally:
            contestant.stop()


def store(contestant: Contestant, work: Work) -> None:
    """Store a workflow on flowc's server."""
    body = {"id": work.name, "definition": work.definition}
    with client_of(contestant) as client:
        response = client.post("/api/v1/workflows", json=body)
        assert response.is_success, response.text


def client_of(contestant: Contestant) -> httpx.Client:
    url = f"http://127.0.0.1:{contestant.port}"
    return httpx.Client(base_url=url, timeout=PATIENCE, trust_env=False)
