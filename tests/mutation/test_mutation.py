"""Each refusal in a module gets a switch, and nothing else in it does."""

from pathlib import Path
from typing import Any

import pytest

from flowc.compiler.diagnostics import Problem
from mutation import switches
from mutation.sites import Sites

SOURCE = '''
"""A module."""
from __future__ import annotations
from flowc.compiler.diagnostics import Problem

def check(value):
    if value == 1:
        yield made(value)
    if value == 2:
        yield Problem("two", "", ())
    found = []
    if value == 3:
        found.append(Problem("three", "", ()))
        found.append(value)
    yield from found[:1]
    yield value

def made(value) -> Problem:
    return Problem("one", "", ())

def require(value):
    assert value, "it is no mistake of an author"
    if value == 4:
        raise ValueError("four")
    try:
        return [value][1]
    except IndexError:
        raise
'''


@pytest.fixture
def module() -> dict[str, Any]:
    sites, names = Sites(), dict[str, Any]()
    exec(compile(sites.rewritten(SOURCE, Path("m.py")), "m.py", "exec"), names)
    assert [site.line for site in sites.found] == [8, 10, 13, 19, 24]
    return names


def codes(module: dict[str, Any], value: int) -> list[Any]:
    return [each.code if isinstance(each, Problem) else each for each in module["check"](value)]


@pytest.mark.parametrize(
    ("site", "value", "code"), [(0, 1, "one"), (1, 2, "two"), (2, 3, "three"), (3, 1, "one")]
)
def test_a_disabled_report_is_not_made(
    module: dict[str, Any], monkeypatch: pytest.MonkeyPatch, site: int, value: int, code: str
) -> None:
    assert codes(module, value)[0] == code
    monkeypatch.setattr(switches, "disabled", site)
    assert code not in codes(module, value)


def test_a_disabled_error_is_not_raised(
    module: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match="four"):
        module["require"](4)
    monkeypatch.setattr(switches, "disabled", 4)
    with pytest.raises(IndexError):
        module["require"](4)


def test_the_sites_that_a_reader_reaches_are_noted(
    module: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(switches, "seen", {})
    with switches.reading("a test"):
        codes(module, 1)
    codes(module, 2)
    assert switches.seen == {"a test": {0, 3}}
