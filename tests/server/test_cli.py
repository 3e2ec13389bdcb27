"""The command line: its output for programs and people, its messages and exit statuses."""

import json
import os
import pty
import subprocess
import sys
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from fakes.command import flowc, flowc_here
from fakes.places import ROOT, WORKFLOWS
from fakes.processes import PATIENCE

SUPPORT = WORKFLOWS / "customer_support.yaml"


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_run_prints_one_json_object_with_stable_keys() -> None:
    models = str(WORKFLOWS / "models.yaml")
    given = '{"message": "A technical fault"}'
    done = flowc("run", SUPPORT, "--input", given, "--json", FLOWC_MODELS_FILE=models)
    assert done.returncode == 0, done.stderr
    run = json.loads(done.stdout)
    assert list(run) == ["status", "run_id", "output", "nodes", "usage", "error"]
    assert run["status"] == "completed"
    assert run["output"]["text"].endswith("A technical fault")
    assert run["nodes"]["general_support"]["status"] == "skipped"
    node = run["nodes"]["technical_support"]
    assert (node["status"], node["attempts"]) == ("completed", 1)
    assert node["duration_ms"] >= 0
    assert run["usage"]["calls"] == 2
    assert run["error"] is None


def test_run_shows_progress_the_output_and_the_cost(tmp_path: Path) -> None:
    file = write(
        tmp_path / "f.yaml",
        "nodes: [{id: hello, type: template, config: {template: 'Hi {{input.n}}'}}]",
    )
    done = flowc_here("run", file, "--input", '{"n": "you"}')
    assert done.returncode == 0
    for part in ("✓ hello", "Hi you", "US dollars"):
        assert part in done.stdout


def test_input_comes_from_a_file_too(tmp_path: Path) -> None:
    file = write(tmp_path / "f.yaml", "nodes: [{id: a, type: start}]")
    given = write(tmp_path / "input.json", '{"x": 1}')
    done = flowc_here("run", file, "--input", f"@{given}", "--json")
    assert json.loads(done.stdout)["output"] == {"x": 1}


def test_a_failed_run_exits_with_1_and_reports_the_place(tmp_path: Path) -> None:
    text = "nodes:\n  - {id: ok, type: start}\n  - id: bad\n    type: fail\n    config: {message: No}\n    depends_on: [ok]\n"
    done = flowc_here("run", write(tmp_path / "f.yaml", text), "--json", "--input", '{"a": 1}')
    assert done.returncode == 1
    run = json.loads(done.stdout)
    assert run["status"] == "failed"
    assert run["error"]["node_id"] == "bad"
    assert run["error"]["attempt"] == 1
    assert run["error"]["at"]["line"] == 3
    assert run["nodes"]["ok"]["output"] == {"a": 1}
    assert run["nodes"]["bad"]["status"] == "failed"


LETTER = """\
nodes:
  - id: greet
    type: template
    config:
      template: |
        Dear {{input.user.nme}},
        welcome.
  - id: call
    type: http
    depends_on: [greet]
    config: {url: "{{input.url}}", headers: {authorization: "{{secrets.crm_token|trim}}"}}
"""


def test_a_failed_run_shows_the_line_and_what_to_do(tmp_path: Path) -> None:
    file = write(tmp_path / "letter.yaml", LETTER)
    done = flowc("run", file, "--input", '{"user": {"name": "Ada"}}')
    assert done.returncode == 1, done.stderr
    end = done.stdout[done.stdout.index("failed:") :]
    assert end == (
        f"failed: greet: 'input.user' has no field 'nme'; its field is 'name'. ({file}:6:16)\n"
        "    6 |         Dear {{input.user.nme}},\n"
        "                       ^^^^^^^^^^^^^^\n"
        "  hint: Did you mean 'name'?\n"
    )


def test_a_missing_secret_and_a_refused_address_are_called_so(tmp_path: Path) -> None:
    file = write(tmp_path / "letter.yaml", LETTER)
    given = ("--input", '{"user": {"nme": "Ada"}, "url": "http://10.0.0.1/"}')
    done = flowc("run", file, *given)
    assert f"failed: call: The secret 'crm_token' is not set. ({file}:11:64)\n" in done.stdout
    assert "  hint: The operator can set FLOWC_SECRET_CRM_TOKEN in the environment" in done.stdout
    done = flowc("run", file, *given, "--json", FLOWC_SECRET_CRM_TOKEN="sesame-42")
    error = json.loads(done.stdout)["error"]
    assert (error["code"], error["at"]["line"]) == ("egress-denied", 11)
    assert error["hint"] == "The operator can set FLOWC_EGRESS_ALLOW to 10.0.0.1:80."
    assert "sesame" not in done.stdout


def test_eval_says_what_the_value_was() -> None:
    done = flowc_here("eval", "{{n * 2}}", "--context", '{"n": "3"}')
    assert done.returncode == 2
    sentence = "flowc: 'n' is text (\"3\"), and '*' needs numbers."
    assert done.stderr == f"{sentence}\n  hint: Write n|float.\n"


def test_a_definition_with_errors_exits_with_2(tmp_path: Path) -> None:
    done = flowc_here("run", write(tmp_path / "f.yaml", "nodes: []"), "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["diagnostics"][0]["code"] == "no-nodes"
    shown = flowc_here("run", tmp_path / "f.yaml")
    assert (shown.returncode, shown.stdout) == (2, "")
    assert "no-nodes" in shown.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--input", "{"], "--input"),
        (["--input", '{"a": NaN}'], "NaN"),
        (["--input", "@/no/such/file"], "cannot be read"),
        (["--input", "[1]"], "must be an object"),
        (["--input", '{"n": "x"}'], "n: 'x' is not of type 'integer'"),
    ],
)
def test_an_invalid_input_exits_with_2_and_one_sentence(
    arguments: list[str], message: str, tmp_path: Path
) -> None:
    file = write(tmp_path / "f.yaml", "input: {n: integer?}\nnodes: [{id: a, type: start}]")
    done = flowc_here("run", file, *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "environment",
    [
        {"FLOWC_MODELS_FILE": "/no/such/file"},
        {"FLOWC_EGRESS_ALLOW": "somewhere"},
        {"FLOWC_MAX_STEPS": "many"},
        {"FLOWC_SECRETS_FILE": "/no/such/file"},
    ],
)
def test_invalid_settings_exit_with_2_and_one_sentence(
    environment: dict[str, str], tmp_path: Path
) -> None:
    file = write(tmp_path / "f.yaml", "nodes: [{id: a, type: start}]")
    done = flowc_here("run", file, **environment)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("flowc: ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [["serve"], ["runs", "list"], ["test", str(WORKFLOWS)]])
def test_every_command_that_reads_settings_refuses_invalid_ones(command: list[str]) -> None:
    done = flowc_here(*command, FLOWC_MAX_STEPS="many")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith(
        ("flowc: FLOWC_MAX_STEPS", "flowc: There are no")
    )


def test_check_prints_one_json_object_with_every_diagnostic(tmp_path: Path) -> None:
    good = write(tmp_path / "good.yaml", "nodes: [{id: a, type: start}]")
    bad = write(tmp_path / "bad.yaml", "nodes: [{id: a, type: strat}]")
    strat = {"start": {"line": 1, "column": 23}, "end": {"line": 1, "column": 28}}
    change = {"range": strat, "text": "start"}
    done = flowc_here("check", good, bad, "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout) == {
        "ok": False,
        "diagnostics": [
            {
                "code": "unknown-node-type",
                "severity": "error",
                "message": "There is no node type 'strat'.",
                "file": str(bad),
                "line": 1,
                "column": 23,
                "range": strat,
                "pointer": "/nodes/0/type",
                "hint": "Did you mean 'start'?",
                "fixes": [{"title": "Change to start", "changes": [change]}],
            }
        ],
    }
    assert flowc_here("check", good).returncode == 0
    assert flowc_here("check", "-", stdin="nodes: [{id: a, type: start}]").returncode == 0


def test_eval_prints_the_value_as_json() -> None:
    names = '{"a": {"b": [1, 2]}}'
    done = flowc_here("eval", "{{a.b}}", "--context", names)
    assert (done.returncode, json.loads(done.stdout)) == (0, [1, 2])
    done = flowc_here("eval", "'{{a.b[0]}}' == '1'", "--context", names, "--condition")
    assert (done.returncode, json.loads(done.stdout)) == (0, True)
    done = flowc_here("eval", "{{a.c}}", "--context", names)
    assert (done.returncode, done.stdout) == (2, "")
    assert "'c'" in done.stderr


def test_graph_is_printed_as_mermaid_and_json() -> None:
    drawn = flowc_here("graph", SUPPORT)
    assert drawn.stdout.startswith("flowchart TD")
    assert '-->|"true"|' in drawn.stdout
    graph = json.loads(flowc_here("graph", SUPPORT, "--format", "json").stdout)
    assert graph["entries"] == ["start"]
    [edge] = [each for each in graph["edges"] if each["target"] == "technical_support"]
    assert (edge["source"], edge["branches"], edge["closes_loop"]) == ("route", ["true"], False)
    assert edge["range"]["start"]["line"] > 1


def test_nodes_schema_and_explain_print_what_the_language_has() -> None:
    assert "transform, process" in flowc_here("nodes").stdout
    assert "temperature" in flowc_here("nodes", "llm").stdout
    assert "properties" in json.loads(flowc_here("nodes", "llm", "--json").stdout)["llm"]
    assert "$defs" in json.loads(flowc_here("schema").stdout)
    assert "Good:" in flowc_here("explain", "maybe-undefined").stdout
    for wrong in (("nodes", "lm"), ("explain", "maybe-undefind")):
        done = flowc_here(*wrong)
        assert done.returncode == 2
        assert "Did you mean" in done.stderr


def test_a_wrong_usage_exits_with_2() -> None:
    assert flowc_here("run").returncode == 2
    assert flowc_here("nonsense").returncode == 2


def test_the_version_is_the_one_in_pyproject() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert flowc("--version").stdout == f"flowc {version}\n"


def test_python_runs_the_command_by_its_package_name() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "flowc", "--version"],
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, flowc("--version").stdout)


@pytest.mark.parametrize("command", [[], ["run"], ["runs"], ["runs", "list"]])
def test_every_command_has_a_short_and_a_long_help_option(command: list[str]) -> None:
    short, long = flowc_here(*command, "-h"), flowc_here(*command, "--help")
    assert (short.returncode, short.stdout) == (0, long.stdout)
    assert short.stdout.startswith(" ".join(["Usage: flowc", *command]))


def completed(line: str, folder: Path) -> list[str]:
    """Return what bash offers after a tab at the end of a line."""
    words = line.split(" ")
    env = {**os.environ, "_FLOWC_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}  # fmt: skip
    command = [sys.executable, "-m", "flowc"]
    done = subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_a_shell_completes_commands_files_node_types_and_codes(tmp_path: Path) -> None:
    for name in ("ship.yaml", "ship.test.yaml", "ship.txt"):
        write(tmp_path / name, "")
    assert completed("flowc sche", tmp_path) == ["schema"]
    assert completed("flowc check sh", tmp_path) == ["ship.yaml"]
    assert completed("flowc test sh", tmp_path) == ["ship.test.yaml"]
    assert completed("flowc nodes swi", tmp_path) == ["switch"]
    assert completed("flowc explain unknown-node-", tmp_path) == ["unknown-node-type"]


def test_serve_without_keys_refuses_to_listen_on_a_public_address() -> None:
    done = flowc_here("serve", "--host", "0.0.0.0", FLOWC_AUTH="off")
    assert done.returncode == 2
    assert "only listen on this machine" in done.stderr


@pytest.mark.parametrize("command", [["eval", "{{1}}"], ["check", SUPPORT], ["graph", SUPPORT]])
def test_commands_that_run_nothing_load_no_engine(command: list[Any]) -> None:
    script = (
        "import sys\n"
        "from flowc.server.cli import app\n"
        "app(sys.argv[1:], standalone_mode=False)\n"
        "heavy = {'langgraph', 'litellm', 'chromadb', 'fastapi', 'sqlalchemy'} & set(sys.modules)\n"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, command)],
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_a_broken_workflow_in_the_same_folder_is_reported_with_its_error(tmp_path: Path) -> None:
    (tmp_path / "torn.yaml").write_text("nodes: [{id: a")
    (tmp_path / "list.yaml").write_text("- {id: a, type: start}")
    for name, reason in (("torn", "not YAML"), ("list", "list of nodes")):
        node = {"id": "a", "type": "subworkflow", "config": {"workflow": name}}
        (tmp_path / "main.json").write_text(json.dumps({"nodes": [node]}))
        done = flowc_here("check", str(tmp_path / "main.json"))
        assert done.returncode == 2
        assert f"error[broken-workflow]: The workflow '{name}' cannot run" in done.stderr
        assert reason in done.stderr and "Traceback" not in done.stderr


def test_a_plan_shows_markup_in_names_as_plain_text(tmp_path: Path) -> None:
    call = {"id": "a", "type": "http", "config": {"url": "http://h/{{input.hosts[0]}}"}}
    (tmp_path / "main.json").write_text(json.dumps({"name": "[b]T[/x]", "nodes": [call]}))
    done = flowc_here("check", "--explain-plan", str(tmp_path / "main.json"))
    assert done.returncode == 0
    assert "[b]T[/x]" in done.stdout and "http://h/{{input.hosts[0]}}" in done.stdout


ASKING = """
nodes:
  - {id: ask, type: human, config: {title: "Ship it?", form: {note: string, count: integer}, choices: [yes, no]}}
  - {id: shipped, type: template, config: {template: "Shipped: {{ask.output.note}}"}}
edges:
  - {source: ask, target: shipped, branch: "yes"}
"""


def test_an_option_answers_questions_by_their_titles(tmp_path: Path) -> None:
    file = tmp_path / "ask.yaml"
    file.write_text(ASKING)
    answers = json.dumps({"Ship it?": {"choice": "yes", "note": "Fine.", "count": 2}})
    done = flowc_here("run", file, "--answers", answers)
    assert (done.returncode, "Shipped: Fine." in done.stdout) == (0, True)
    wrong = json.dumps({"Ship it?": "perhaps"})
    refused = flowc_here("run", file, "--answers", wrong, "--json")
    assert json.loads(refused.stdout)["error"]["code"] == "answer-does-not-fit"
    nobody = flowc_here("run", file, "--json")
    assert json.loads(nobody.stdout)["error"]["code"] == "nobody-to-ask"


def test_a_question_is_asked_on_the_terminal_until_the_answer_fits(tmp_path: Path) -> None:
    file = tmp_path / "ask.yaml"
    file.write_text(ASKING)
    shown, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "flowc.server", "run", str(file)],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    seen = b""

    def answer(question: bytes, text: bytes) -> None:
        nonlocal seen
        while question not in seen:
            seen += os.read(shown, 4096)
        seen = b""
        os.write(shown, text + b"\n")

    answer(b"note", b"Fine.")
    answer(b"count", b"many")
    answer(b"count", b"2")
    answer(b"choice", b"yes")
    with suppress(OSError):  # how the end of a terminal is reported on Linux
        while more := os.read(shown, 4096):
            seen += more
    os.close(shown)
    assert process.wait(30) == 0
    assert b"Shipped: Fine." in seen


CASES = """
workflow: {nodes: [{id: a, type: start}]}
cases: [{name: x, expect: {}}]
"""


@pytest.mark.parametrize("command", ["run", "test", "serve", "worker"])
@pytest.mark.parametrize("variable", ["FLOWC_MODELS_FILE", "FLOWC_MCP_FILE"])
def test_an_invalid_models_or_mcp_file_is_reported_in_one_sentence(
    command: str, variable: str, tmp_path: Path
) -> None:
    names = write(tmp_path / "names.yaml", "a: {odd: 1}")
    given = {"run": [SUPPORT], "test": [write(tmp_path / "w.test.yaml", CASES)]}
    env = {variable: str(names), "FLOWC_DATA_DIR": str(tmp_path / "d")}
    if command == "worker":
        env["FLOWC_DATABASE_URL"] = "postgresql://127.0.0.1:1/x"
    done = flowc_here(command, *given.get(command, []), **env)
    assert done.returncode == 2
    assert "names.yaml: a: " in done.stderr
    assert "Traceback" not in done.stderr
