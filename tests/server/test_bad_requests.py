"""Bad bodies for every operation that takes one, and integers of every size everywhere."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from fakes.served import Served, database_of, serving
from flowc.server.app import API

DEEP = 30_000
TEXTS: Mapping[str, bytes] = {
    "nothing": b"",
    "a blank": b" ",
    "no JSON": b"{broken",
    "half": b'{"a": ',
    "two values": b"{} {}",
    "a comma too many": b'{"a": 1,}',
    "a comment": b"/* x */ {}",
    "single quotes": b"{'a': 1}",
    "null": b"null",
    "true": b"true",
    "a number": b"1",
    "a text": b'"x"',
    "an empty list": b"[]",
    "a list": b"[{}]",
    "NaN": b'{"input": NaN}',
    "Infinity": b'{"input": Infinity}',
    "minus Infinity": b'{"input": -Infinity}',
    "a number that is infinite": b'{"input": {"n": 1e999}}',
    "an integer of 5,000 digits": b'{"input": {"n": ' + b"9" * 5_000 + b"}}",
    "a lone surrogate": b'{"input": {"s": "\\ud800"}}',
    "a surrogate as a key": b'{"\\udfff": 1}',
    "bytes that are no UTF-8": b'{"input": "\xff\xfe"}',
    "UTF-16": '{"input": {}}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "a null character": b'{"input": {"s": "\\u0000"}}',
    "a raw control character": b'{"input": "\x01"}',
    "a key twice": b'{"input": {}, "input": {"a": 1}}',
    "deep lists": b'{"input": ' + b"[" * DEEP + b"]" * DEEP + b"}",
    "deep objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "deep and not closed": b"[" * 100_000,
    "many keys": json.dumps({f"k{n}": n for n in range(20_000)}).encode(),
    "a long key": json.dumps({"k" * 100_000: 1}).encode(),
    "an unknown key": b'{"no_such_key": 1}',
    "prototype pollution": b'{"__proto__": {"admin": true}, "constructor": 1}',
    "every field a list": b'{"definition": [], "input": [], "name": [], "id": [], "url": []}',
    "every field a null": b'{"definition": null, "input": null, "name": null, "id": null}',
    "every field a number": b'{"definition": 1, "input": 1, "name": 1, "id": 1, "message": 1}',
    "YAML": b"input: {}\n",
    "XML": b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY y SYSTEM 'file:///etc/passwd'>]><x>&y;</x>",
    "a form": b"input=1&name=x",
    "multipart": b'--x\r\ncontent-disposition: form-data; name="file"\r\n\r\nx\r\n--x--\r\n',
    "a pickle": b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94.",
}
# What some operations take: a body may be left out.
_FINE = {"nothing"}
NUMBERS = [
    sign * (2**bits + more)
    for bits in (7, 15, 31, 32, 53, 63, 64, 127, 1_000)
    for more in (-1, 0, 1)
    for sign in (1, -1)
]


@pytest.fixture(params=["sqlite", "postgresql"])
async def served(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(tmp_path / "d", **database_of(request)) as found:
        yield found


def operations(served: Served) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, methods in served.app.openapi()["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


async def test_bad_bodies_are_refused_by_every_operation(served: Served) -> None:
    wrong: list[str] = []
    checked = 0
    for method, path, operation in operations(served):
        if "requestBody" not in operation:
            continue
        # The ids are of nothing: what is stored must not depend on the order of operations.
        address = path.replace("{", "").replace("}", "")
        for name, body in TEXTS.items():
            headers = {"content-type": "application/json"}
            answer = await served.ask(method, address, served.admin, content=body, headers=headers)
            checked += 1
            if operation["operationId"] == "check_definition" and answer.is_success:
                # It says what is wrong, and refuses nothing.
                assert answer.json()["is_valid"] is False
                continue
            is_refused = 400 <= answer.status_code < 500 and "error" in answer.json()
            if not is_refused and (name not in _FINE or not answer.is_success):
                wrong.append(f"{method} {path}, {name}: {answer.status_code} {answer.text[:200]}")
    assert wrong == []
    assert checked > 40 * 25


async def test_integers_of_every_size_are_taken_or_refused(served: Served) -> None:
    say = {"nodes": [{"id": "s", "type": "template", "config": {"template": "{{input.n}}"}}]}
    body: Any = {"id": "say", "definition": say}
    await served.ask("POST", f"{API}/workflows", served.admin, json=body)
    wrong: list[str] = []
    checked = 0
    for method, path, operation in operations(served):
        names = [
            each["name"]
            for each in operation.get("parameters", ())
            if each["in"] == "query" and "integer" in json.dumps(each["schema"])
        ]
        address = path.replace("{workflow_id}", "say").replace("{", "").replace("}", "")
        for name in names:
            for number in NUMBERS:
                params = {name: str(number)}
                answer = await served.ask(method, address, served.admin, params=params)
                checked += 1
                if answer.status_code >= 500:
                    wrong.append(f"{method} {path}?{name}={number}: {answer.text[:200]}")
    assert wrong == []
    assert checked > 20 * len(NUMBERS)
    for number in NUMBERS:
        for about in (
            {"input": {"n": number}},
            {"priority": number},
            {"delay": number, "wait": False},
            {"timeout": number},
        ):
            sent = json.dumps(about)
            path, headers = f"{API}/workflows/say/execute", {"content-type": "application/json"}
            answer = await served.ask("POST", path, served.admin, content=sent, headers=headers)
            assert answer.status_code in {200, 400, 422}, (about, answer.text)
            if "input" in about and answer.is_success:
                assert answer.json()["output"]["text"] == str(number)
