"""What a failed run says: the reference, its value, the place, and what to do; never a secret."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx
import pytest
import yaml

from fakes.loopback import Reply, Request, completion
from fakes.loopback import serving as serving_model
from fakes.processes import serving
from fakes.runs_api import API, begin, events_of

# The long one is longer than what is shown of a value; the short one is too short to be masked.
SECRET, SHORT = "sesame-42-" + "open" * 80, "q7z9"
INPUT: dict[str, Any] = {
    "name": "Ada",
    "n": 3,
    "zero": 0,
    "yes": True,
    "none": None,
    "count": "12",
    "score": "high",
    "items": [1, 2],
    "users": [{"name": "Ada", "age": 36}, {"name": "Bo"}],
    "user": {"name": "Ada", "city": "Rome"},
    "long": "word " * 2_000,
    "url": "not a url",
    # A run with such an address in its definition is refused before it begins.
    "private": "http://10.1.2.3:8080/a",
    "own": "http://127.0.0.1:9/",
    "named": "http://localhost:1234/",
    "metadata": "http://169.254.169.254/",
}
NAMES, USER = '{"name": "Ada", "n": 3, "zero": 0,', '{"name": "Ada", "city": "Rome"}'
HAS = "has no field"


class Failure(NamedTuple):
    """A node that fails, and what the run's error says of it."""

    type: str
    config: dict[str, Any]
    at: str
    says: str
    reference: str | None = None
    value: str | None = None
    hint: str | None = None
    code: str = "expression-failed"


def text(
    source: str, says: str, reference: str, value: str | None, hint: str | None = None
) -> Failure:
    return Failure("template", {"template": source}, "template", says, reference, value, hint)


def when(source: str, says: str, reference: str, value: str, hint: str | None = None) -> Failure:
    config = {"condition": source, "true_edge": "end", "false_edge": "end"}
    return Failure("conditional", config, "condition", says, reference, value, hint)


def misfit(type: str, field: str, source: str, value: str, says: str, **config: Any) -> Failure:
    config[field] = "{{" + source + "}}"
    message = f"{says} The value was {value}, from '{config[field]}'."
    return Failure(type, config, field, message, source, value, None, "invalid-configuration")


def header(source: str, says: str, reference: str, hint: str | None = None, **more: str) -> Failure:
    config = {"url": "https://example.com", "headers": {"x": source}}
    return Failure("http", config, "headers/x", says, reference, None, hint, **more)


def said(answer: str, schema: dict[str, Any], says: str, value: str) -> Failure:
    config = {"model": "said", "prompt": f"Say: {answer}", "output_schema": schema}
    message = f"The model's answer does not match its schema: {says} The value was {value}"
    code = "answer-does-not-fit"
    return Failure("llm", config, "output_schema", message, None, value, None, code)


def denied(url: str, says: str, hint: str | None, reference: str | None = None) -> Failure:
    value = f'"{INPUT[reference.split(".")[1]]}"' if reference else f'"{url}"'
    return Failure("http", {"url": url}, "url", says, reference, value, hint, "egress-denied")


def over(items: str, template: str) -> dict[str, Any]:
    inner = {"id": "inner", "type": "template", "config": {"template": template}}
    return {"items": items, "body": {"nodes": [inner]}}


COUNT = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
RULE = "the server's setting FLOWC_EGRESS_ALLOW can allow it."
SET = "The operator can set FLOWC_EGRESS_ALLOW to"
TABLE = [
    text("{{input.missing}}", f"'input' {HAS} 'missing'; its fields are 'name', 'n', 'zero',", "input.missing", NAMES),
    text("{{input.user.nme}}", f"'input.user' {HAS} 'nme'; its fields are 'name' and 'city'.", "input.user.nme", USER, "Did you mean 'name'?"),
    text("Dear {{input.user.nme}}, hello", f"'input.user' {HAS} 'nme'", "input.user.nme", USER, "Did you mean 'name'?"),
    text("{{input['user']['zip']}}", f"\"input['user']\" {HAS} 'zip'", "input['user']['zip']", USER),
    text("{{input.user[input.name]}}", f"'input.user' {HAS} 'Ada'", "input.user[input.name]", USER),
    text("{{input.items[5]}}", "'input.items' has 2 items, so there is no item 5.", "input.items[5]", "[1, 2]"),
    text("{{input.none.x}}", f"'input.none' is null, which {HAS} 'x'.", "input.none.x", "null"),
    text("{{input.name.x}}", f"'input.name' is text (\"Ada\"), which {HAS} 'x'.", "input.name.x", '"Ada"'),
    text("{{input.n.x}}", f"'input.n' is a number (3), which {HAS} 'x'.", "input.n.x", "3"),
    text("{{input.score * 2}}", "'input.score' is text (\"high\"), and '*' needs numbers.", "input.score", '"high"'),
    text("{{input.count + 1}}", "'input.count' is text (\"12\"), and '+' needs numbers, or only texts, or only lists.", "input.count", '"12"', "Write input.count|float."),
    text("{{input.n + 1 + input.name}}", "'input.name' is text (\"Ada\"), and '+' needs numbers", "input.name", '"Ada"', "Write ~ instead of + to join texts with other values."),
    text("{{1 - input.none}}", "'input.none' is null, and '-' needs numbers.", "input.none", "null"),
    text("{{ -input.name }}", "'input.name' is text (\"Ada\"), and '-' needs numbers.", "input.name", '"Ada"'),
    text("{{input.yes ** 2}}", "'input.yes' is true, and '**' needs numbers.", "input.yes", "true"),
    text("{{input.n / input.zero}}", "Division by zero: 'input.zero' is a number (0).", "input.zero", "0"),
    text("{{(input.name|length + input.n) * input.score}}", "'input.score' is text (\"high\"), and '*' needs numbers.", "input.score", '"high"'),
    text("{{input.n * input.users[0].name}}", "'input.users[0].name' is text (\"Ada\"), and '*' needs numbers.", "input.users[0].name", '"Ada"'),
    text("{{input.n in input.zero}}", "\"in\" does not work on number: 'input.n' is a number (3) and 'input.zero' is a number (0).", "input.n", "3"),
    text("{{1 < input.n < input.name}}", "'input.n' is a number (3), and '<' compares it with 'input.name', which is text (\"Ada\").", "input.n", "3"),
    text("{{input.items < input.items}}", "'input.items' is a list ([1, 2]), and '<' compares it with 'input.items', which is a list", "input.items", "[1, 2]"),
    text("{{input.name|fromjson}}", "'input.name' is text (\"Ada\").", "input.name", '"Ada"'),
    text("{{input.name|sum}}", "Sum needs a list, and this is text: 'input.name' is text (\"Ada\").", "input.name", '"Ada"', "|list makes a list of it."),
    text("{{input.users|map(attribute='age')|list}}", "There is no field 'age': 'input.users' is a list (", "input.users", '[{"name": "Ada", "age": 36},'),
    text("{{input.name[0:input.score]}}", "A slice needs whole numbers, and this is text: 'input.score' is text (\"high\").", "input.score", '"high"'),
    text("{% for c in input.n %}{{c}}{% endfor %}", "For needs a list, and this is number: 'input.n' is a number (3).", "input.n", "3"),
    text("{% for u in input.users %}{{u.age}}{% endfor %}", f"'u' {HAS} 'age'; its field is 'name'.", "u.age", '{"name": "Bo"}'),
    text("{% set a, b = input.name %}{{a}}", "2 variables cannot be set from text: 'input.name' is text (\"Ada\").", "input.name", '"Ada"'),
    text("{{input.long * 2}}", "'input.long' is text (\"word word ", "input.long", '"word word '),
    when("{{input.score}} > 10", "'input.score' is text (\"high\"), and '>' compares it with a number (10).", "input.score", '"high"'),
    when("10 <= {{input.count}}", "'input.count' is text (\"12\"), and '<=' compares it with a number (10).", "input.count", '"12"', "Write input.count|float."),
    when("{{input.name}}", "The condition must be true or false, but its type is text: 'input.name' is text (\"Ada\").", "input.name", '"Ada"'),
    when("{{input.yes}} and {{input.user.vip}}", f"'input.user' {HAS} 'vip'", "input.user.vip", USER),
    Failure("map", over("{{input.users}}", "{{item.name * 2}}"), "body/nodes/0/config/template", "'item.name' is text (\"Ada\"), and '*' needs numbers.", "item.name", '"Ada"'),
    Failure("map", {**over("{{input.items}}", "x"), "stop_when": "result.nope"}, "stop_when", f"'result' {HAS} 'nope'", "result.nope", '{"text": "x"}'),
    Failure("transform", {"data": "{{input.users}}", "rules": [{"type": "filter", "where": "item.age > 9"}]}, "rules/0/where", f"'item' {HAS} 'age'", "item.age", '{"name": "Bo"}'),
    Failure("transform", {"data": "{{input.n}}", "expression": "data.x"}, "expression", f"'data' is a number (3), which {HAS} 'x'.", "data.x", "3"),
    Failure("transform", {"data": "{{input.user}}", "rules": [{"type": "rename", "field": "a", "to": "b"}]}, "rules/0", "Rule 1 (rename): there is no field 'a'.", code="transform-failed"),
    Failure("set", {"variables": {"x": "{{input.name - 1}}"}}, "variables/x", "'input.name' is text (\"Ada\"), and '-' needs numbers.", "input.name", '"Ada"'),
    Failure("code", {"code": "def process(a):\n    return a", "input_mapping": {"a": "{{input.user.zip}}"}}, "input_mapping/a", f"'input.user' {HAS} 'zip'", "input.user.zip", USER),
    Failure("agent", {"model": "said", "prompt": "Half: {{input.name / 2}}"}, "prompt", "'input.name' is text (\"Ada\"), and '/' needs numbers.", "input.name", '"Ada"'),
    misfit("llm", "temperature", "input.score", '"high"', "temperature: Input should be a valid number, unable to parse string as a number.", prompt="x"),
    misfit("http", "timeout", "input.name", '"Ada"', "or as a number of seconds.", url="https://example.com"),
    misfit("http", "method", "input.name", '"Ada"', "method: Input should be 'GET',", url="https://example.com")._replace(says="method: Input should be 'GET',"),
    misfit("map", "items", "input.name", '"Ada"', "items: Input should be a valid list.", body={"nodes": [{"id": "b", "type": "start"}]}),
    misfit("wait", "for", "input.name", '"Ada"', "or as a number of seconds."),
    said("Certainly!", COUNT, "It is not JSON.", '"Certainly!"'),
    said('{"n": "three"}', COUNT, "n: 'three' is not of type 'integer'.", '{"n": "three"}'),
    said('{"m": 3}', COUNT, "answer: 'n' is a required property.", '{"m": 3}'),
    said("really " * 100, COUNT, "It is not JSON.", '"really really really'),
    header("{{secrets.crm_token|lower}}", "The secret 'crm_token' is not set.", "secrets.crm_token", "The operator can set FLOWC_SECRET_CRM_TOKEN in the environment, or 'crm_token' in the file of FLOWC_SECRETS_FILE.", code="secret-missing"),
    header("Bearer {{secrets['crm_token']|upper}}", "The secret 'crm_token' is not set.", "secrets['crm_token']", code="secret-missing"),
    header("{{secrets.key + 1}}", "'secrets.key' is text, and '+' needs numbers", "secrets.key"),
    header("{{secrets.key * 2}}", "'secrets.key' is text, and '*' needs numbers.", "secrets.key"),
    header("{{secrets.short * 2}}", "'secrets.short' is text, and '*' needs numbers.", "secrets.short"),
    header("{{secrets.short.x}}", f"'secrets.short' is text, which {HAS} 'x'.", "secrets.short.x"),
    header("{{input.user[secrets.key]}}", f"'input.user' {HAS} '[secret]'", "input.user[secrets.key]"),
    header("{{secrets.short ~ input.none.x}}", f"'input.none' is null, which {HAS} 'x'.", "input.none.x"),
    denied("{{input.url}}", "the URL has characters that are not allowed, or is too long.", None, "input.url"),
    denied("{{input.private}}", f"a connection to '10.1.2.3' is not allowed (not a public address); {RULE}", f"{SET} 10.1.2.3:8080.", "input.private"),
    denied("{{input.own}}", f"a connection to '127.0.0.1' is not allowed (port); {RULE}", f"{SET} 127.0.0.1:9.", "input.own"),
    denied("{{input.named}}", f"a connection to 'localhost' is not allowed (not a public address); {RULE}", f"{SET} the address of the host, such as 10.0.0.0/8.", "input.named"),
    denied("{{input.metadata}}", "credentials of machines are never reachable.", None, "input.metadata"),
]  # fmt: skip


def say(request: Request) -> Reply:
    """Answer with what the prompt has after `Say:`."""
    texts = [str(message["content"]) for message in request.json["messages"]]
    return completion(next(text for text in texts if "Say:" in text).partition("Say:")[2].strip())


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("runs")
    with serving_model(say) as model:
        alias = {"model": "openai/own", "api_base": f"{model.url}/v1", "api_key": "sk-0123456789"}
        (folder / "models.yaml").write_text(yaml.safe_dump({"said": alias}))
        env = {"FLOWC_MODELS_FILE": str(folder / "models.yaml")}
        secrets = {"FLOWC_SECRET_KEY": SECRET, "FLOWC_SECRET_SHORT": SHORT}
        with serving(folder / "data", {**env, **secrets}) as (client, _):
            yield client


@pytest.mark.parametrize("case", TABLE, ids=[f"{n}-{case.type}" for n, case in enumerate(TABLE)])
def test_a_failed_run_says_what_failed_where_and_why(api: httpx.Client, case: Failure) -> None:
    nodes = [{"id": "n", "type": case.type, "config": case.config}]
    if case.type == "conditional":
        nodes.append({"id": "end", "type": "end", "config": {}})
    run = begin(api, nodes, input=INPUT)
    error = run["error"]
    assert (run["status"], error["code"]) == ("failed", case.code)
    assert case.says in error["message"]
    assert error["at"]["pointer"] == f"/nodes/0/config/{case.at}"
    assert error.get("reference") == case.reference
    assert (case.value is None) == ("value" not in error)
    assert error.get("value", "").startswith(case.value or "")
    assert len(error.get("value", "")) <= 200
    assert case.hint in {None, error.get("hint")}
    about = {name: error[name] for name in ("reference", "value", "hint") if name in error}
    failed = [e["data"] for e in events_of(api, run["id"]) if e["kind"] == "node.failed"]
    assert failed[0]["at"] == {"pointer": error["at"]["pointer"]}
    assert {name: failed[0][name] for name in about} == about
    told = api.get(f"{API}/runs/{run['id']}").text + str(events_of(api, run["id"]))
    assert SECRET[:20] not in told and SHORT not in told.replace(run["id"], "")


def test_an_output_that_does_not_fit_is_shown(api: httpx.Client) -> None:
    nodes = [{"id": "n", "type": "template", "config": {"template": "{{input.name}}"}}]
    definition = {"output": {"type": "object", "properties": {"text": {"enum": ["Bo"]}}}}
    error = begin(api, nodes, input=INPUT, definition=definition)["error"]
    assert (error["code"], error["value"]) == ("output-does-not-fit", '{"text": "Ada"}')


def test_an_error_that_is_handled_is_explained_in_its_event(api: httpx.Client) -> None:
    config = {"template": "{{input.user.nme}}"}
    nodes = [{"id": "n", "type": "template", "config": config, "on_error": "continue"}]
    run = begin(api, nodes, input=INPUT)
    assert run["status"] == "completed"
    [failed] = [e["data"] for e in events_of(api, run["id"]) if e["kind"] == "node.failed"]
    assert (failed["handled"], failed["reference"]) == (True, "input.user.nme")
    [execution] = api.get(f"{API}/runs/{run['id']}/history").json()
    names = ("code", "message", "at", "reference", "value", "hint")
    assert execution["error"] == {name: failed[name] for name in names}


def test_a_failure_in_a_stored_workflow_has_the_place_of_the_node_that_runs_it(
    api: httpx.Client,
) -> None:
    inner = [{"id": "inner", "type": "template", "config": {"template": "{{input.n * 2}}"}}]
    api.post(f"{API}/workflows", json={"id": "doubled", "definition": {"nodes": inner}})
    config = {"workflow": "doubled", "input": {"n": "{{input.name}}"}}
    run = begin(api, [{"id": "outer", "type": "subworkflow", "config": config}], input=INPUT)
    error = run["error"]
    assert (error["node_id"], error["at"]["pointer"]) == ("inner", "/nodes/0")
    assert (error["reference"], error["value"]) == ("input.n", '"Ada"')
