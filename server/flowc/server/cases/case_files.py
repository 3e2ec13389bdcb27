"""Reads case files strictly; each problem is reported with its place in the file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from flowc.compiler.diagnostics import DefinitionRefused, Diagnostic, Problem
from flowc.compiler.reading.documents import Document, from_data, read_file
from flowc.compiler.reading.model_problems import shape_problems

SUFFIXES = (".test.yaml", ".test.yml", ".test.json")
# Characters in the name of a case that is stored on a server.
LONGEST_NAME = 200


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MockedFailure(_Part):
    """The failure that a mocked node reports."""

    code: str
    message: str = "The mock fails."


class MockedNode(_Part):
    """What a node returns instead of running."""

    output: Any = None
    branch: str | None = None
    variables: dict[str, Any] = Field(default_factory=dict)
    error: MockedFailure | None = None


class Expected(_Part):
    """How a run must end; fields that are left out are not checked.

    Objects in the output may have more fields than `output_contains` names. `path` lists the nodes
    that completed, in order; nodes in bodies count only if it names one of them, as `each.work`.
    """

    status: str | None = None
    output: Any = None
    output_contains: Any = None
    error: str | None = Field(default=None, description="Code of the error.")
    path: list[str] | None = None
    max_cost: float | None = Field(default=None, ge=0, description="In US dollars.")


class Case(_Part):
    """One run, and the result it must have.

    `mocks` replace nodes, by name. `answers` are people's answers, by the titles of the questions;
    null lets the question time out. `signals` are the data of signals, by name. The run starts at
    `clock`, and time passes only while it waits.
    """

    name: str
    input: dict[str, Any] = Field(default_factory=dict)
    mocks: dict[str, MockedNode] = Field(default_factory=dict)
    answers: dict[str, Any] = Field(default_factory=dict)
    signals: dict[str, Any] = Field(default_factory=dict)
    secrets: dict[str, str] = Field(default_factory=dict)
    clock: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    expect: Expected

    @field_validator("clock")
    @classmethod
    def _in_utc(cls, clock: datetime) -> datetime:
        return clock if clock.tzinfo else clock.replace(tzinfo=UTC)


class Cases(_Part):
    """A workflow, as a file name or a definition, and its cases."""

    workflow: str | dict[str, Any]
    cases: list[Case] = Field(min_length=1)


class CaseList(_Part):
    """The cases of a stored workflow; `workflow` is the name of its file beside theirs."""

    workflow: str | None = None
    cases: list[Case] = Field(min_length=1, max_length=500)


class CasesRefused(DefinitionRefused):
    """The cases have errors; `diagnostics` lists them."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        super().__init__(diagnostics)
        self.args = (f"The cases are refused: {self.diagnostics[0].message}",)


@dataclass(frozen=True)
class CaseFile:
    """A case file, with the workflow that it tests."""

    path: Path
    cases: list[Case]
    document: Document
    workflow_path: Path

    @property
    def recordings(self) -> Path:
        """The file with the recorded answers of models."""
        name = next(self.path.name.removesuffix(s) for s in SUFFIXES if self.path.name.endswith(s))
        return self.path.with_name(f"{name}.recorded.json")


def find_files(paths: list[Path]) -> Iterator[Path]:
    """Yield the given files, and the case files in the given folders."""
    for path in paths:
        if path.is_dir():
            yield from sorted(f for f in path.rglob("*") if f.name.endswith(SUFFIXES))
        else:
            yield path


def read_cases(path: Path) -> CaseFile:
    """Read a case file; raise DefinitionRefused with every problem in it."""
    document = read_file(path)
    found = _validated(Cases, document)
    if isinstance(found.workflow, str):
        workflow_path = path.parent / found.workflow
        return CaseFile(path, found.cases, read_file(workflow_path), workflow_path)
    return CaseFile(path, found.cases, from_data(found.workflow), path)


def read_case_list(document: Document) -> CaseList:
    """Read the cases of a stored workflow; raise CasesRefused with every problem in them."""
    found = _validated(CaseList, document)
    problems = list(_problems_of_names(found.cases))
    if problems:
        raise CasesRefused([document.diagnostic(problem) for problem in problems])
    return found


def _problems_of_names(cases: Sequence[Case]) -> Iterator[Problem]:
    """Results are found by the names of cases, so each needs one of its own."""
    seen: set[str] = set()
    for index, case in enumerate(cases):
        at = ("cases", index, "name")
        if not 1 <= len(case.name) <= LONGEST_NAME:
            message = f"The name of a case has 1 to {LONGEST_NAME} characters."
            yield Problem("invalid-value", message, at)
        elif case.name in seen:
            message = f"An earlier case is called {case.name[:60]!r}, too."
            yield Problem("invalid-value", message, at, "Give each case a name of its own.")
        seen.add(case.name)


M = TypeVar("M", bound=BaseModel)


def _validated(model: type[M], document: Document) -> M:
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        problems = shape_problems(error, model, document.data, ())
        raise CasesRefused([document.diagnostic(problem) for problem in problems]) from None
