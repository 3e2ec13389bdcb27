"""Errors over HTTP: one table has their statuses, and each exception has its sentence."""

import ast
import re
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest
from starlette.exceptions import HTTPException

import flowc.server.app as _app  # noqa: F401 - imports every exception that clients can meet
from fakes.places import ROOT
from flowc.compiler.node import NodeError
from flowc.rag.stores import NoSuchCollection
from flowc.server.api.errors import failure_of
from flowc.server.api.refused_requests import RequestTooLarge
from flowc.server.engine.driving import InputRefused
from flowc.server.records.refused import Refused, sentence_of
from flowc.server.store.runs.stored_runs import NoSuchRun

SERVER = ROOT / "server/flowc/server"
ERRORS = SERVER / "api/errors.py"


def kinds(of: type[Refused] = Refused) -> Iterator[type[Refused]]:
    for kind in of.__subclasses__():
        yield kind
        yield from kinds(kind)


@pytest.mark.parametrize("kind", sorted(set(kinds()), key=str))
def test_every_refusal_has_a_status_and_a_sentence(kind: type[Refused]) -> None:
    problem = kind.__new__(kind)
    Refused.__init__(problem)
    failure = failure_of(problem)
    assert failure.status >= HTTPStatus.BAD_REQUEST
    assert failure.message == sentence_of(kind)
    assert re.fullmatch(r"[A-Z].*\.", failure.message)


def test_a_refusal_is_shown_by_its_docstring() -> None:
    failure = failure_of(NoSuchRun())
    assert (failure.status, failure.code) == (404, "no-such-run")
    assert failure.message == "The run does not exist, or belongs to another tenant."


def test_several_problems_are_listed_in_the_message_and_in_the_details() -> None:
    failure = failure_of(InputRefused(problems=["n: too small.", "m: missing."]))
    assert failure.message == "The input does not fit: n: too small. m: missing."
    assert failure.details == ["n: too small.", "m: missing."]


def test_the_text_of_an_unexpected_exception_is_hidden() -> None:
    failure = failure_of(KeyError("password"))
    assert failure[:4] == (500, "server-broke", "Internal server error.", [])


def test_an_exception_of_the_documents_library_keeps_its_own_message() -> None:
    failure = failure_of(NoSuchCollection("papers"))
    assert (failure.status, "papers" in failure.message) == (404, True)


def test_a_service_that_may_recover_is_unavailable() -> None:
    assert failure_of(NodeError("no-reader", "No process can read documents.")).status == 503
    assert failure_of(NodeError("filter-refused", "There is no operator.")).status == 422


def test_what_is_refused_while_a_body_is_read_is_not_hidden_by_the_framework() -> None:
    wrapped = HTTPException(400)
    wrapped.__cause__ = RequestTooLarge(10)
    assert failure_of(wrapped).status == 413


@pytest.mark.parametrize("file", sorted(SERVER.rglob("*.py")), ids=lambda file: file.stem)
def test_no_other_module_knows_the_status_of_an_error(file: Path) -> None:
    if file == ERRORS:
        return
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.keyword) and node.arg == "status_code":
            name = ast.unparse(node.value).removeprefix("HTTPStatus.")
            assert HTTPStatus[name] < HTTPStatus.BAD_REQUEST, f"{file}:{node.value.lineno}"
        if isinstance(node, ast.Name):
            assert node.id != "HTTPException", f"{file}:{node.lineno}"
