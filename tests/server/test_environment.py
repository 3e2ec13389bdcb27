"""What a workflow needs and an environment does not have is reported before the run."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from fakes.command import flowc, flowc_here
from fakes.environments import furnish
from flowc.compiler import extras
from flowc.compiler.reading.remedies import OF_ENVIRONMENT
from flowc.compiler.reports.explanations import explanations

OPENAI = {"OPENAI_API_KEY": "sk-test"}
NO_KEYS = dict.fromkeys(("OPENAI_API_KEY", "GROQ_API_KEY", "COHERE_API_KEY"), "")


def llm(**config: Any) -> dict[str, Any]:
    return {"id": "n", "type": "llm", "config": {"prompt": "Hello", **config}}


def http(url: str = "https://api.example.com/x", **config: Any) -> dict[str, Any]:
    return {"id": "n", "type": "http", "config": {"url": url, **config}}


def node(kind: str, **config: Any) -> dict[str, Any]:
    return {"id": "n", "type": kind, "config": config}


def classify(model: str) -> dict[str, Any]:
    return node("classify", text="x", labels=["a", "b"], model=model)


def agent(*tools: Any, **config: Any) -> dict[str, Any]:
    return node("agent", prompt="Hello", tools=list(tools), **config)


def picture(url: str) -> dict[str, Any]:
    return llm(messages=[{"content": [{"type": "image", "url": url}]}], prompt="What is it?")


def inside(*nodes: Any) -> dict[str, Any]:
    return node("map", items="{{input.items}}", body={"nodes": list(nodes)})


def connector(server: str) -> dict[str, Any]:
    paths = {"/x": {"get": {"operationId": "x", "responses": {"200": {"description": "x"}}}}}
    info = {"title": "X", "version": "1"}
    document = {"openapi": "3.1.0", "info": info, "servers": [{"url": server}], "paths": paths}
    return node("connector", document=document, operation="x")


def found_in(folder: Path, *nodes: Any, **environment: str) -> list[dict[str, Any]]:
    """Return what `flowc check --env` reports of a definition with these nodes."""
    file = folder / "flow.json"
    file.write_text(json.dumps({"nodes": list(nodes)}))
    done = flowc_here("check", "--env", "--json", file, **{**NO_KEYS, **environment})
    shown = json.loads(done.stdout)
    assert done.returncode == (0 if shown["ok"] else 2), done.stderr
    return [each for each in shown["diagnostics"] if each["severity"] == "error"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("environment")


@pytest.fixture(scope="module")
def environment(folder: Path) -> dict[str, str]:
    models = {"handbook": "offline/wordllama", "foreign": "openai/text-embedding-3-small"}
    return furnish(folder, **models)


def reading(default: str | None) -> dict[str, Any]:
    """Return a node whose workflow reads a value of the environment."""
    inner = {"id": "i", "type": "template", "config": {"template": "{{env.REGION}}"}}
    return node("subworkflow", workflow={"env": {"REGION": default}, "nodes": [inner]})


# A need that is met: the node, and what is set beside the furnished environment.
MET: list[tuple[dict[str, Any], dict[str, str]]] = [
    (llm(), {}),
    (llm(model="offline/echo"), {}),
    (llm(model="words"), {}),
    (llm(model="small"), {}),
    (llm(model="local"), {}),
    (llm(model="lost"), {"LOST_KEY": "sk-test"}),
    (llm(model="keyless"), {"LOST_KEY": "sk-test"}),
    (llm(model="keyless"), OPENAI),
    (llm(model="openai/gpt-4o"), OPENAI),
    (llm(model="gpt-4o"), OPENAI),
    (llm(model="groq/llama-3.1-8b-instant"), {"GROQ_API_KEY": "gsk-test"}),
    (llm(model="{{input.model}}"), {}),
    (llm(), {"FLOWC_DEFAULT_MODEL": "small"}),
    (classify("small"), {}),
    (agent(model="small"), {}),
    (node("image", model="small", prompt="x"), {}),
    (node("transcribe", model="small", file="{{input.file}}"), {}),
    (http(headers={"k": "{{secrets.set}}"}), {}),
    (http(headers={"k": "{{secrets.from_file}}"}), {}),
    (http(headers={"k": "{{secrets.none|default('')}}"}), {}),
    (reading("eu"), {}),
    (reading(None), {"FLOWC_ENV_REGION": "eu"}),
    (http("https://example.com"), {}),
    (http("http://127.0.0.1:8080/{{input.id}}"), {}),
    (http("http://localhost:8080/"), {}),
    (http("{{input.url}}"), {}),
    (http("https://{{input.host}}/x"), {}),
    (http("http://10.0.0.1/"), {"FLOWC_EGRESS_ALLOW": "10.0.0.0/8"}),
    (http("http://db.test:6379/"), {}),
    (connector("https://api.example.com/v1"), {}),
    (node("mcp", url="https://mcp.example.com/mcp"), {}),
    (node("mcp", server="files"), {}),
    (node("mcp", url="https://me:pw@mcp.example.com/mcp"), {}),
    (picture("https://example.com/a.png"), {}),
    (picture("data:image/png;base64,AAAA"), {}),
    (node("read_file", path="handbook.md"), {}),
    (node("read_file", path="{{input.path}}"), {}),
    (node("read_file", file="an-upload"), {}),
    (node("ingest", collection="new", paths="."), {}),
    (node("embed", texts=["a"]), {}),
    (node("embed", texts=["a"], model="small"), {}),
    (node("retrieve", collection="handbook", query="x"), {}),
    (node("retrieve", collection="{{input.collection}}", query="x"), {}),
    (node("retrieve", collection="foreign", query="x", mode="keyword"), {}),
    (node("retrieve", collection="foreign", query="x"), OPENAI),
    (node("retrieve", collection="handbook", query="x", rerank="cohere/rerank-v3.5"), {"COHERE_API_KEY": "k"}),
    ({**http("http://10.0.0.1/"), "disabled": True}, {}),
]  # fmt: skip

# A need that is not met: the node, its code, the place in its configuration, and words of the hint.
UNMET: list[tuple[dict[str, Any], str, str, str]] = [
    (llm(model="gpt-99"), "unknown-model", "model", "FLOWC_MODELS_FILE"),
    (llm(model="smal"), "unknown-model", "model", "Did you mean 'small'?"),
    (llm(model="nobody/gpt-4o"), "unknown-model", "model", "provider/model"),
    (llm(model="odd"), "unknown-model", "model", "`model` of 'odd'"),
    (llm(model="small", fallbacks=["gpt-99"]), "unknown-model", "fallbacks/0", "FLOWC_MODELS_FILE"),
    (node("embed", texts=["a"], model="offline/echo"), "unknown-model", "model", "FLOWC_MODELS_FILE"),
    (classify("gpt-99"), "unknown-model", "model", "FLOWC_MODELS_FILE"),
    (node("image", model="offline/echo", prompt="x"), "unknown-model", "model", "FLOWC_MODELS_FILE"),
    (node("speech", model="gpt-99", text="x"), "unknown-model", "model", "FLOWC_MODELS_FILE"),
    (node("transcribe", model="openai/whisper-1", file="x"), "missing-model-key", "model", "OPENAI_API_KEY"),
    (llm(model="openai/gpt-4o"), "missing-model-key", "model", "export OPENAI_API_KEY=…"),
    (llm(model="gpt-4o"), "missing-model-key", "model", "export OPENAI_API_KEY=…"),
    (llm(model="azure/gpt-4o"), "missing-model-key", "model", "FLOWC_MODELS_FILE"),
    (llm(model="lost"), "missing-model-key", "model", "export LOST_KEY=…"),
    (llm(model="keyless"), "missing-model-key", "model", "export LOST_KEY=…"),
    (llm(fallbacks=["openai/gpt-4o"]), "missing-model-key", "fallbacks/0", "OPENAI_API_KEY"),
    (agent(model="openai/gpt-4o"), "missing-model-key", "model", "OPENAI_API_KEY"),
    (node("retrieve", collection="foreign", query="x"), "missing-model-key", "collection", "OPENAI_API_KEY"),
    (node("retrieve", collection="handbook", query="x", rerank="cohere/rerank-v3.5"), "missing-model-key", "rerank", "_API_KEY"),
    (node("ingest", collection="new", paths=".", model="openai/text-embedding-3-small"), "missing-model-key", "model", "OPENAI_API_KEY"),
    (http(headers={"k": "Bearer {{ secrets.crm_token }}"}), "missing-secret", "headers/k", "export FLOWC_SECRET_CRM_TOKEN=…"),
    (http(body={"a": ["{{secrets.none if input.x else 1}}"]}), "missing-secret", "body/a/0", "FLOWC_SECRETS_FILE"),
    (reading(None), "missing-env", "workflow/nodes/0/config/template", "export FLOWC_ENV_REGION=…"),
    (http("http://127.0.0.1:9090/"), "refused-address", "url", "export FLOWC_EGRESS_ALLOW=127.0.0.1:9090"),
    (http("http://localhost:9090/"), "refused-address", "url", "export FLOWC_EGRESS_ALLOW=127.0.0.1:9090"),
    (http("http://10.0.0.1/{{input.id}}"), "refused-address", "url", "export FLOWC_EGRESS_ALLOW=10.0.0.1:80"),
    (http("http://[::1]/"), "refused-address", "url", "export FLOWC_EGRESS_ALLOW=[::1]:80"),
    (http("http://169.254.169.254/latest"), "refused-address", "url", "credentials"),
    (http("http://metadata.google.internal/"), "refused-address", "url", "credentials"),
    (http("ftp://example.com/a"), "refused-address", "url", "https://api.example.com"),
    (http("https://me:pw@example.com/"), "refused-address", "url", "https://api.example.com"),
    (connector("http://192.168.1.1/v1"), "refused-address", "document", "FLOWC_EGRESS_ALLOW"),
    (node("mcp", url="http://10.0.0.1/mcp"), "refused-address", "url", "FLOWC_EGRESS_ALLOW"),
    (picture("http://10.0.0.1/a.png"), "refused-address", "messages/0/content/0/url", "FLOWC_EGRESS_ALLOW"),
    (node("ingest", collection="new", urls=["https://example.com", "http://10.0.0.1/"]), "refused-address", "urls/1", "FLOWC_EGRESS_ALLOW"),
    (node("read_file", path="/etc/passwd"), "file-not-allowed", "path", "FLOWC_DOCUMENT_DIRS allows"),
    (node("read_file", path="../models.yaml"), "file-not-allowed", "path", "FLOWC_DOCUMENT_DIRS"),
    (node("read_file", path="link.md"), "file-not-allowed", "path", "FLOWC_DOCUMENT_DIRS"),
    (node("ingest", collection="new", paths=["/etc"]), "file-not-allowed", "paths/0", "FLOWC_DOCUMENT_DIRS"),
    (node("read_file", path="none.md"), "file-not-found", "path", "path"),
    (node("ocr", path="none.png"), "file-not-found", "path", "path"),
    (node("ingest", collection="new", paths="none"), "file-not-found", "paths", "path"),
    (node("mcp", server="file"), "unknown-mcp-server", "server", "Did you mean 'files'?"),
    (node("retrieve", collection="handbok", query="x"), "unknown-collection", "collection", "Did you mean 'handbook'?"),
    (inside({**http("http://10.0.0.1/"), "id": "i"}), "refused-address", "body/nodes/0/config/url", "FLOWC_EGRESS_ALLOW"),
    (agent({**http("http://10.0.0.1/"), "id": "t"}, model="small"), "refused-address", "tools/0/config/url", "FLOWC_EGRESS_ALLOW"),
    ({**http("http://10.0.0.1/"), "on_error": "continue"}, "refused-address", "url", "FLOWC_EGRESS_ALLOW"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "more"), MET)
def test_what_is_there_is_not_reported(
    given: dict[str, Any], more: dict[str, str], folder: Path, environment: dict[str, str]
) -> None:
    assert found_in(folder, given, **{**environment, **more}) == []


@pytest.mark.parametrize(("given", "code", "at", "hint"), UNMET)
def test_what_is_missing_is_reported_with_its_place_and_what_to_set(
    given: dict[str, Any], code: str, at: str, hint: str, folder: Path, environment: dict[str, str]
) -> None:
    [found] = found_in(folder, given, **environment)
    assert (found["code"], found["pointer"]) == (code, f"/nodes/0/config/{at}")
    assert hint in found["hint"]
    assert found["message"].endswith(".")
    assert found["line"] == 1
    assert found["column"] > 1


def test_every_code_has_a_case() -> None:
    # The packages of the extra are installed where the tests run.
    assert {code for _, code, _, _ in UNMET} == OF_ENVIRONMENT - {"missing-extra"}


def test_an_extra_is_missing_if_one_of_its_packages_is(
    folder: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for given in (node("ocr", path="handbook.md"), node("read_file", path="handbook.md", ocr=True)):
        assert found_in(folder, given, **environment) == []
    monkeypatch.setattr(extras, "EXTRAS", {**extras.EXTRAS, "ocr": ("json", "no_such_package")})
    for given in (node("ocr", path="handbook.md"), node("read_file", path="handbook.md", ocr=True)):
        [found] = found_in(folder, given, **environment)
        assert (found["code"], found["hint"]) == ("missing-extra", "pip install 'flowc[ocr]'")
        assert "no_such_package" in found["message"]


def test_the_command_prints_places_and_hints_and_ends_as_for_errors(
    folder: Path, environment: dict[str, str]
) -> None:
    file = folder / "call.yaml"
    file.write_text(
        "nodes:\n"
        "  - id: call\n"
        "    type: http\n"
        "    config:\n"
        "      url: https://api.example.com/\n"
        "      headers: {x-key: '{{secrets.crm_token}}'}\n"
    )
    done = flowc("check", "--env", file, **environment)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{file}:6:24: error[missing-secret]: The secret 'crm_token' is not set." in done.stderr
    assert "hint: export FLOWC_SECRET_CRM_TOKEN=…" in done.stderr
    ready = flowc("check", "--env", file, **environment, FLOWC_SECRET_CRM_TOKEN="t")
    assert ready.stdout == "The definition is valid, and this environment has what it needs.\n"
    assert ready.returncode == 0, ready.stderr
    assert flowc("check", file, **environment).stdout == "The definition is valid.\n"
    assert flowc("explain", "missing-secret").returncode == 0


def test_checking_the_environment_creates_nothing(tmp_path: Path) -> None:
    [found] = found_in(
        tmp_path,
        node("retrieve", collection="none", query="x"),
        FLOWC_DATA_DIR=str(tmp_path / "data"),
    )
    assert found["code"] == "unknown-collection"
    assert not (tmp_path / "data").exists()


def test_a_need_of_several_nodes_is_reported_once(
    folder: Path, environment: dict[str, str]
) -> None:
    nodes = [{**llm(model="gpt-99"), "id": id} for id in ("a", "b", "c")]
    [found] = found_in(folder, *nodes, **environment)
    assert found["pointer"] == "/nodes/0/config/model"


def test_a_need_of_a_stored_workflow_is_reported_where_it_is_run(
    folder: Path, environment: dict[str, str]
) -> None:
    (folder / "inner.json").write_text(json.dumps({"nodes": [http("http://10.0.0.1/")]}))
    [found] = found_in(
        folder, llm(), {**node("subworkflow", workflow="inner"), "id": "s"}, **environment
    )
    assert (found["code"], found["pointer"]) == ("refused-address", "/nodes/1")
    assert found["message"].startswith(
        "The workflow 'inner' cannot run: A connection to '10.0.0.1'"
    )


@pytest.mark.parametrize(
    ("variable", "text"),
    [("FLOWC_MODELS_FILE", "no-such-file"), ("FLOWC_EGRESS_ALLOW", "nowhere"), ("FLOWC_RUN_SLOTS", "x")],
)  # fmt: skip
def test_settings_that_cannot_be_read_are_named(
    variable: str, text: str, folder: Path, environment: dict[str, str]
) -> None:
    done = flowc_here("check", "--env", _valid(folder), **{**environment, variable: text})
    assert done.returncode == 2
    assert done.stderr.startswith("flowc: ")
    assert variable in done.stderr or text in done.stderr


def _valid(folder: Path) -> Path:
    file = folder / "valid.yaml"
    file.write_text("nodes: [{id: a, type: start}]")
    return file


def test_the_collections_of_postgres_are_known(postgres: str, folder: Path) -> None:
    import asyncio

    from fakes.processes import new_database
    from flowc.rag.stores.postgres import PostgresStore

    database = new_database(postgres)
    given = node("retrieve", collection="there", query="x")
    [found] = found_in(folder, given, **database)
    assert found["code"] == "unknown-collection"

    async def create() -> None:
        store = await PostgresStore.open(database["FLOWC_DATABASE_URL"])
        await store.create("there", "offline/wordllama", 3)
        await store.aclose()

    asyncio.run(create())
    assert found_in(folder, given, **database) == []


@pytest.mark.parametrize("code", sorted(OF_ENVIRONMENT))
def test_the_examples_of_a_code_are_true(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    furnish(tmp_path, handbook="offline/wordllama")
    monkeypatch.chdir(tmp_path)
    if code == "missing-extra":
        monkeypatch.setattr(extras, "EXTRAS", {"ocr": ("no_such_package",)})
    wrong, right = (
        _codes_of(text, tmp_path) for text in (explanations()[code].bad, explanations()[code].good)
    )
    assert code in wrong
    assert not right


def _codes_of(text: str, folder: Path) -> list[str]:
    """Return the codes of an example, in the environment that its comments set."""
    file = folder / "example.yaml"
    file.write_text(text)
    variables = dict(re.findall(r"^# export (\w+)=(.*)$", text, re.MULTILINE))
    named = {**NO_KEYS, "FLOWC_DATA_DIR": str(folder / "data"), **variables}
    done = flowc_here("check", "--env", "--json", file, **named)
    found = json.loads(done.stdout)["diagnostics"]
    return [each["code"] for each in found if each["severity"] == "error"]


def test_a_local_run_that_is_sure_to_fail_does_not_begin(
    folder: Path, environment: dict[str, str]
) -> None:
    file = folder / "asks.json"
    nodes = [{**llm(), "id": "ask"}, {**http("http://10.0.0.1/"), "depends_on": ["ask"]}]
    file.write_text(json.dumps({"nodes": nodes}))
    done = flowc_here("run", file, "--json", **environment)
    assert done.returncode == 2
    shown = json.loads(done.stdout)
    assert (shown["status"], shown["error"]["code"]) == ("refused", "environment-not-ready")
    assert [each["code"] for each in shown["error"]["diagnostics"]] == ["refused-address"]
    shown = flowc_here("run", file, **environment)
    assert shown.stdout == ""
    assert "error[refused-address]" in shown.stderr
