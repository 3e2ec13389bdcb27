"""Bad input is reported in a sentence, in little memory, and never with a traceback."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.processes import PATIENCE
from flowc.compiler.diagnostics import DefinitionRefused
from flowc.compiler.reading.documents import read_bytes, read_text

MEGABYTE = 1 << 20


def _alias_bomb() -> str:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    lines += [
        f"{c}: &{c} [{', '.join([f'*{p}'] * 10)}]"
        for p, c in zip("abcdefgh", "bcdefghi", strict=False)
    ]
    return "\n".join([*lines, "nodes: []"])


def _many_nodes(count: int) -> str:
    nodes = "".join(
        f"  - id: n{i}\n    type: template\n    config: {{template: 'x{{{{n{i - 1}.output}}}}'}}\n"
        for i in range(count)
    )
    edges = "".join(f"  - {{source: n{i}, target: n{i + 1}}}\n" for i in range(count - 1))
    return f"nodes:\n{nodes}edges:\n{edges}"


START = '{"nodes": [{"id": "a", "type": "start", "config": {"data": {"v": %s}}}]}'

BAD: dict[str, tuple[str, bytes, str]] = {
    "not yaml": ("f.yaml", b"nodes: [", "invalid-yaml"),
    "a tab for indentation": ("f.yaml", b"nodes:\n\t- {id: a}", "invalid-yaml"),
    "not json": ("f.json", b'{"nodes": [}', "invalid-json"),
    "empty": ("f.yaml", b"", "invalid-yaml"),
    "a word": ("f.yaml", b"hello", "unknown-form"),
    "binary": ("f.yaml", bytes(range(256)), "invalid-text"),
    "a key twice": ("f.yaml", b"nodes: []\nnodes: []", "duplicate-key"),
    "a json key twice": ("f.json", b'{"nodes": [], "nodes": []}', "duplicate-key"),
    "an unknown key": ("f.yaml", b"nodes: [{id: a, type: start}]\nnods: []", "unknown-key"),
    "a wrong type": ("f.yaml", b"nodes: {id: a}", "invalid-value"),
    "an id that is a number": ("f.yaml", b"nodes: [{id: 1, type: start}]", "invalid-value"),
    "ids twice": ("f.yaml", b"nodes: [{id: a, type: start}, {id: a, type: end}]", "duplicate-id"),
    "an alias bomb": ("f.yaml", _alias_bomb().encode(), "document-too-large"),
    "an alias of itself": ("f.yaml", b"nodes: &a [*a]", "invalid-yaml"),
    "a tag": ("f.yaml", b"nodes: !!python/object/apply:os.system [ls]", "invalid-yaml"),
    "a tagged text": ("f.yaml", b"nodes: !!binary aGk=", "invalid-yaml"),
    "two documents": ("f.yaml", b"nodes: []\n---\nnodes: []", "invalid-yaml"),
    "NaN": ("f.json", (START % "NaN").encode(), "not-a-json-value"),
    "infinity by size": ("f.json", (START % "1e999").encode(), "not-a-json-value"),
    "yaml's NaN": ("f.yaml", b"nodes: [{id: a, type: start, config: {data: {v: .nan}}}]", "not-a-json-value"),
    "a giant number": ("f.json", (START % ("9" * 100_000)).encode(), "number-too-large"),
    "a large number": ("f.json", (START % ("9" * 90)).encode(), "number-too-large"),
    "a giant yaml number": ("f.yaml", b"nodes: " + b"9" * 100_000, "number-too-large"),
    "half a surrogate pair": ("f.json", (START % '"\\ud800"').encode(), "invalid-text"),
    "NUL": ("f.json", (START % '"\\u0000"').encode(), "invalid-text"),
    "NUL in yaml": ("f.yaml", b'nodes: "\\0"', "invalid-text"),
    "deep json": ("f.json", b"[" * 100_000 + b"]" * 100_000, "document-too-deep"),
    "deep yaml": ("f.yaml", b"nodes: " + b"[" * 100_000 + b"]" * 100_000, "document-too-deep"),
    "deep objects": ("f.json", b'{"nodes":' * 5_000 + b"1" + b"}" * 5_000, "document-too-deep"),
    "11,000 nodes": ("f.yaml", _many_nodes(11_000).encode(), "too-many-nodes"),
    "4 MB of small values": ("f.yaml", b"nodes:\n" + b"- 1\n" * 990_000, "document-too-large"),
    "4 MB of small json values": ("f.json", b'{"nodes": [' + b"1, " * 1_300_000 + b"1]}", "document-too-large"),
    "as many json values as are read": (
        "f.json",
        (START.replace("start", "strat") % ("[" + "1," * 390_000 + "1]")).encode(),
        "unknown-node-type",
    ),
    "5 MB": ("f.yaml", b"#" * (5 * MEGABYTE), "document-too-large"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_gets_a_diagnostic_in_200_megabytes(name: str, tmp_path: Path) -> None:
    file_name, content, code = BAD[name]
    file = tmp_path / file_name
    file.write_bytes(content)
    done, megabytes = _check(file)
    assert done.returncode == 2, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert found["ok"] is False
    assert code in {diagnostic["code"] for diagnostic in found["diagnostics"]}
    assert "Traceback" not in done.stderr
    assert megabytes < 200


def _check(file: Path) -> tuple[subprocess.CompletedProcess[str], float]:
    """Run `flowc check` in a process of its own; return it and its peak memory in megabytes."""
    script = (
        "import resource, subprocess, sys\n"
        "done = subprocess.run([sys.executable, '-m', 'flowc.server', *sys.argv[1:]])\n"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print(used.ru_maxrss / 1024, file=sys.stderr)\n"
        "sys.exit(done.returncode)\n"
    )
    command = [sys.executable, "-c", script, "check", str(file), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    return done, float(done.stderr.strip().splitlines()[-1])


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(DefinitionRefused, match="cannot be read"):
        from flowc.compiler.reading.documents import read_file

        read_file(tmp_path / "none.yaml")


def test_words_that_older_yaml_takes_for_booleans_are_words() -> None:
    assert read_text("a: yes\nb: on\nc: no\nd: true\ne: 0x1F\nf: 1e3\ng: ~\nh: '1'\ni: 012").data == {
        "a": "yes", "b": "on", "c": "no", "d": True, "e": 31, "f": 1000.0, "g": None, "h": "1", "i": 12,
    }  # fmt: skip


def test_aliases_and_merge_keys_are_understood() -> None:
    text = "base: &b {x: 1, y: 2}\none:\n  <<: *b\n  y: 3\ntwo: *b"
    assert read_text(text).data["one"] == {"x": 1, "y": 3}
    assert read_text(text).data["two"] == {"x": 1, "y": 2}


def test_json_is_json_also_where_yaml_would_differ() -> None:
    text = '{"a": "\\ud83d\\ude00", "b": [1, 2.5, null, true], "c\\/": "\\t"}'
    assert read_text(text).data == json.loads(text)


@given(st.recursive(
    st.none() | st.booleans() | st.integers(-(2**200), 2**200) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), inner, max_size=4),
    max_leaves=20,
).filter(lambda value: isinstance(value, (dict, list))))  # fmt: skip
def test_any_json_is_read_as_it_is(value: Any) -> None:
    assert read_text(json.dumps(value)).data == value


@given(st.binary(max_size=200))
@settings(max_examples=300)
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    try:
        read_bytes(raw)
    except DefinitionRefused as refused:
        assert refused.diagnostics


def test_a_large_definition_is_read_in_linear_time() -> None:
    # Quadratic reading would take sixteen times as many calls; linear reading four times.
    assert _calls(_many_nodes(4_000)) < 5 * _calls(_many_nodes(1_000))


def _calls(text: str) -> int:
    """Count the calls that reading makes, of Python's functions and of C's."""
    count = 0

    def called(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(called)
    try:
        read_text(text)
    finally:
        sys.setprofile(None)
    return count
