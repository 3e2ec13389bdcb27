"""`flowc runs` and `flowc push`, with a server that is running and without one."""

import json
import os
import pty
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from fakes.command import flowc, flowc_here
from fakes.processes import free_port, serving
from fakes.runs_api import API, asked, begin, human, pause, run_of

QUESTION = human("ask", title="Ship it?", form={"note": "string"}, choices=["yes", "no"])
SHIP: dict[str, Any] = {
    "nodes": [
        QUESTION,
        {"id": "shipped", "type": "template", "config": {"template": "Shipped: {{ask.output.note}}"}},
    ],
    "edges": [{"source": "ask", "target": "shipped", "branch": "yes"}],
}  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, Path]]:
    data = tmp_path_factory.mktemp("server") / "d"
    with serving(data) as (api, _):
        yield api, data


@pytest.fixture
def api(server: tuple[httpx.Client, Path]) -> httpx.Client:
    return server[0]


def on(api: httpx.Client, *arguments: str | Path, stdin: str = "") -> Any:
    """Run a command against the server, in this process: a process for each takes seconds."""
    return flowc_here(*arguments, stdin=stdin, FLOWC_SERVER_URL=str(api.base_url))


def waiting_run(api: httpx.Client, *nodes: Any) -> str:
    run = begin(api, list(nodes)) if nodes else begin(api, SHIP["nodes"], definition=SHIP)
    assert run["status"] == "waiting"
    return str(run["id"])


def test_runs_are_listed_from_the_database_and_from_a_server(
    server: tuple[httpx.Client, Path],
) -> None:
    api, data = server
    id = begin(api, [pause("a")])["id"]
    remote = on(api, "runs", "list", "--json")
    local = flowc("runs", "list", "--json", FLOWC_DATA_DIR=str(data))
    for done in (remote, local):
        assert done.returncode == 0, done.stderr
        (found,) = [run for run in json.loads(done.stdout) if run["id"] == id]
        assert found["status"] == "completed"
    assert set(json.loads(remote.stdout)[0]) == set(json.loads(local.stdout)[0])
    assert id in on(api, "runs", "list").stdout


@pytest.mark.parametrize("arguments", [["list"], ["show", "x"], ["check-upgrade", "x"]])
def test_looking_for_runs_creates_no_data_folder(arguments: list[str], tmp_path: Path) -> None:
    data = tmp_path / "d"
    done = flowc_here("runs", *arguments, FLOWC_DATA_DIR=str(data))
    assert done.returncode == (0 if arguments == ["list"] else 2)
    assert "There " in done.stdout + done.stderr
    assert not data.exists()


def test_a_list_without_runs_is_a_sentence_or_an_empty_list(tmp_path: Path) -> None:
    data = str(tmp_path / "d")
    assert (
        flowc_here("runs", "list", FLOWC_DATA_DIR=data).stdout == f"There are no runs in {data}.\n"
    )
    assert json.loads(flowc_here("runs", "list", "--json", FLOWC_DATA_DIR=data).stdout) == []


def test_comparing_two_files_creates_no_data_folder(tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / f"{name}.yaml").write_text(f"nodes: [{{id: {name}, type: start}}]")
    data = tmp_path / "d"
    done = flowc_here(
        "diff", tmp_path / "old.yaml", tmp_path / "new.yaml", FLOWC_DATA_DIR=str(data)
    )
    assert done.returncode == 1
    assert not data.exists()


def test_a_run_is_shown_with_its_nodes_and_open_questions(
    server: tuple[httpx.Client, Path],
) -> None:
    api, data = server
    id = waiting_run(api, pause("a"), human("ask", "a", title="Ship it?"))
    (task,) = asked(api, id)
    local = flowc("runs", "show", id, FLOWC_DATA_DIR=str(data))
    shown = on(api, "runs", "show", id)
    assert (shown.returncode, shown.stdout) == (0, local.stdout)
    for part in (f"{id}: waiting", "✓ a", "ask", 'an answer to "Ship it?"', task["id"]):
        assert part in shown.stdout
    run = json.loads(on(api, "runs", "show", id, "--json").stdout)
    assert run["nodes"]["a"]["status"] == "completed"
    assert [each["id"] for each in run["interrupts"]] == [task["id"]]


def test_a_failed_run_is_shown_with_its_error(api: httpx.Client) -> None:
    id = begin(api, [{"id": "bad", "type": "fail", "config": {"message": "No."}}])["id"]
    shown = on(api, "runs", "show", id)
    assert shown.returncode == 0
    assert "failed: bad: No." in shown.stdout


def test_a_run_is_cancelled_with_a_reason(api: httpx.Client) -> None:
    id = waiting_run(api)
    done = on(api, "runs", "cancel", id, "--reason", "Wrong order.")
    assert (done.returncode, done.stdout) == (0, f"The run {id} is cancelled.\n")
    run = run_of(api, id)
    assert (run["status"], run["error"]["message"]) == ("cancelled", "Wrong order.")
    over = begin(api, [pause("a")])["id"]
    refused = on(api, "runs", "cancel", over)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("flowc: ")


@pytest.mark.parametrize("how", ["json", "file", "question"])
def test_a_question_is_answered_by_json_or_a_file(
    how: str, api: httpx.Client, tmp_path: Path
) -> None:
    id = waiting_run(api)
    answer = json.dumps({"choice": "yes", "note": "Fine."})
    (tmp_path / "answer.json").write_text(answer)
    more = ["--question", asked(api, id)[0]["id"]] if how == "question" else []
    given = f"@{tmp_path / 'answer.json'}" if how == "file" else answer
    done = on(api, "runs", "answer", id, given, *more)
    assert done.returncode == 0, done.stderr
    assert 'Answered "Ship it?"' in done.stdout
    assert on(api, "runs", "watch", id).returncode == 0
    assert run_of(api, id)["output"] == {"text": "Shipped: Fine."}


def test_a_text_answers_an_approval(api: httpx.Client) -> None:
    id = waiting_run(api, human("ask"))
    done = on(api, "runs", "answer", id, "approve", "--json")
    assert json.loads(done.stdout)["answer"] == {"choice": "approve"}


def test_an_answer_that_does_not_fit_is_refused_in_a_sentence(api: httpx.Client) -> None:
    id = waiting_run(api)
    for answer in ("perhaps", '{"choice": "perhaps"}', '{"choice"'):
        done = on(api, "runs", "answer", id, answer)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("flowc: ")
        assert "Traceback" not in done.stderr
    assert run_of(api, id)["status"] == "waiting"


def test_one_of_several_questions_is_chosen_by_its_id(api: httpx.Client) -> None:
    id = waiting_run(api, human("one", title="One?"), human("two", title="Two?"))
    unclear = on(api, "runs", "answer", id, "approve")
    assert unclear.returncode == 2
    assert "One?" in unclear.stderr and "Two?" in unclear.stderr
    two = next(task["id"] for task in asked(api, id) if task["data"]["title"] == "Two?")
    assert on(api, "runs", "answer", id, "approve", "--question", two).returncode == 0
    assert [task["data"]["title"] for task in asked(api, id)] == ["One?"]
    assert on(api, "runs", "answer", id, "approve", "--question", "x").returncode == 2


def test_a_run_without_questions_cannot_be_answered(api: httpx.Client) -> None:
    id = begin(api, [pause("a")])["id"]
    done = on(api, "runs", "answer", id, "approve")
    assert (done.returncode, "has no open question" in done.stderr) == (2, True)


def test_a_question_is_answered_in_a_form_on_the_terminal(api: httpx.Client) -> None:
    id = waiting_run(api)
    shown, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "flowc", "runs", "answer", id, "--server", str(api.base_url)],
        stdin=terminal, stdout=terminal, stderr=terminal,
    )  # fmt: skip
    os.close(terminal)
    seen = b""
    for question, answer in ((b"note", b"Fine."), (b"choice", b"yes")):
        while question not in seen:
            seen += os.read(shown, 4096)
        seen = b""
        os.write(shown, answer + b"\n")
    with suppress(OSError):  # how the end of a terminal is reported on Linux
        while os.read(shown, 4096):
            pass
    os.close(shown)
    assert process.wait(30) == 0
    assert on(api, "runs", "watch", id).returncode == 0
    assert run_of(api, id)["output"] == {"text": "Shipped: Fine."}


def watch(id: str, url: str) -> Any:
    return flowc("runs", "watch", id, "--server", url)


def test_a_run_is_watched_until_it_ends(api: httpx.Client) -> None:
    id = waiting_run(api, human("ask", title="Ship it?"), pause("after", "ask"))
    watched: list[Any] = []
    thread = threading.Thread(target=lambda: watched.append(watch(id, str(api.base_url))))
    thread.start()
    on(api, "runs", "answer", id, "approve")
    thread.join()
    assert watched[0].returncode == 0, watched[0].stderr
    for part in ('waiting for an answer to "Ship it?"', "✓ ask", "✓ after", "US dollars"):
        assert part in watched[0].stdout
    lines = on(api, "runs", "watch", id, "--json").stdout.splitlines()
    kinds = [json.loads(line)["kind"] for line in lines]
    assert (kinds[0], kinds[-1]) == ("run.created", "run.completed")


def test_watching_a_run_that_fails_has_status_1(api: httpx.Client) -> None:
    id = begin(api, [{"id": "bad", "type": "fail", "config": {"message": "No."}}])["id"]
    done = on(api, "runs", "watch", id)
    assert done.returncode == 1
    assert "✗ bad" in done.stdout and "failed: bad: No." in done.stdout


@pytest.mark.parametrize("command", ["show", "watch", "answer", "cancel"])
def test_a_run_that_does_not_exist_is_refused_in_a_sentence(
    command: str, api: httpx.Client
) -> None:
    done = on(api, "runs", command, "no-such-run")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("flowc: ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "file"),
    [
        (["runs", "list"], False), (["runs", "show", "x"], False), (["runs", "watch", "x"], False),
        (["runs", "answer", "x", "yes"], False), (["runs", "cancel", "x"], False), (["push"], True),
    ],
)  # fmt: skip
def test_a_server_that_cannot_be_reached_is_named_with_the_remedy(
    arguments: list[str], file: bool, tmp_path: Path
) -> None:
    definition = tmp_path / "f.yaml"
    definition.write_text("nodes: [{id: a, type: start}]")
    url = f"http://127.0.0.1:{free_port()}"
    done = flowc_here(*arguments, *([definition] if file else []), "--server", url)
    assert (done.returncode, done.stdout) == (2, "")
    assert url in done.stderr and "flowc serve" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert (
        flowc_here(*arguments, *([definition] if file else []), "--server", "here").returncode == 2
    )


def test_another_server_than_flowc_is_refused_in_a_sentence(api: httpx.Client) -> None:
    done = flowc_here("runs", "list", "--server", f"{api.base_url}/elsewhere")
    assert done.returncode == 2
    assert "is not a flowc server" in done.stderr


def test_a_definition_is_stored_and_its_next_version_too(api: httpx.Client, tmp_path: Path) -> None:
    file = tmp_path / "greet.yaml"
    file.write_text("nodes: [{id: a, type: start}]")
    done = on(api, "push", file)
    assert (done.returncode, done.stdout) == (0, f"{file}: greet, version 1\n")
    file.write_text("nodes: [{id: b, type: start}]")
    assert json.loads(on(api, "push", file, "--json").stdout) == [
        {"file": str(file), "id": "greet", "version": 2, "diagnostics": []}
    ]
    named = on(api, "push", "-", stdin="{id: hello, nodes: [{id: a, type: start}]}")
    assert named.stdout == "-: hello, version 1\n"
    assert api.get(f"{API}/workflows/greet").json()["version"] == 2


def test_workflows_that_run_each_other_are_stored_in_any_order(
    api: httpx.Client, tmp_path: Path
) -> None:
    inner, outer = tmp_path / "inner.yaml", tmp_path / "outer.yaml"
    inner.write_text("nodes: [{id: a, type: start}]")
    outer.write_text("nodes: [{id: a, type: subworkflow, config: {workflow: inner}}]")
    done = on(api, "push", outer, inner)
    assert done.returncode == 0, done.stderr
    assert [line.split(": ")[1] for line in done.stdout.splitlines()] == [
        "outer, version 1", "inner, version 1",
    ]  # fmt: skip


def test_a_definition_that_the_server_refuses_is_shown_with_its_lines(
    api: httpx.Client, tmp_path: Path
) -> None:
    good, bad, torn = (tmp_path / name for name in ("good.yaml", "bad.yaml", "torn.yaml"))
    good.write_text("nodes: [{id: a, type: start}]")
    bad.write_text("nodes:\n  - id: a\n    type: strat\n")
    torn.write_text("nodes: [{id: a")
    done = on(api, "push", good, bad, torn)
    assert done.returncode == 2
    assert done.stdout == f"{good}: good, version 1\n"
    assert f"{bad}:3:11: error[unknown-node-type]" in done.stderr
    assert "Did you mean 'start'?" in done.stderr
    assert f"{torn}:2:1: error[invalid-yaml]" in done.stderr
    found = {each["file"]: each for each in json.loads(on(api, "push", bad, "--json").stdout)}
    (problem,) = found[str(bad)]["diagnostics"]
    assert (found[str(bad)]["version"], problem["line"], problem["column"]) == (None, 3, 11)


def test_a_file_name_that_cannot_be_an_id_is_refused(api: httpx.Client, tmp_path: Path) -> None:
    file = tmp_path / "my flow.yaml"
    file.write_text("nodes: [{id: a, type: start}]")
    done = on(api, "push", file)
    assert (done.returncode, "cannot be an id" in done.stderr) == (2, True)


def test_a_shell_completes_run_ids(server: tuple[httpx.Client, Path]) -> None:
    api, data = server
    id = begin(api, [pause("a")])["id"]
    # The first half of an id is the time at which the run began.
    words = f"flowc runs show {id[:-6]}"
    env = {
        **os.environ, "FLOWC_DATA_DIR": str(data),
        "_FLOWC_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": "3",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "flowc"], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [id]


def test_the_server_has_the_version_of_the_command(api: httpx.Client) -> None:
    version = api.get(f"{API}/openapi.json").json()["info"]["version"]
    assert flowc("--version").stdout == f"flowc {version}\n"
