"""What does a file of cases say? Read strictly, with the place of what is wrong."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from flowc.compiler.diagnostics import DefinitionRefused
from flowc.compiler.reading.documents import Document, from_data, read_file
from flowc.compiler.reading.model_problems import shape_problems

SUFFIXES = (".test.yaml", ".test.yml", ".test.json")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Failure(_Part):
    """A failure that is made up, or expected."""

    code: str
    message: str = "It was made to fail."


class Mock(_Part):
    """What a node is taken to have done, instead of running."""

    output: Any = None
    branch: str | None = None
    variables: dict[str, Any] = Field(default_factory=dict)
    error: Failure | None = None


class Expected(_Part):
    """How a run has to end. What is not said is not looked at.

    Of `output_contains`, objects may have more fields than are named. `path` are the nodes that
    completed, in order; those in bodies count if one of them is named, as `each.work`.
    """

    status: str | None = None
    output: Any = None
    output_contains: Any = None
    error: str | None = Field(default=None, description="Its code.")
    path: list[str] | None = None
    max_cost: float | None = Field(default=None, ge=0, description="In US dollars.")


class Case(_Part):
    """One run, and what has to come of it.

    `mocks` are made-up nodes, by name. `answers` are what people say, by the titles of questions;
    null lets the time be over. `signals` are the data of signals, by name. The clock stands at
    `clock`, and only waiting moves it.
    """

    name: str
    input: dict[str, Any] = Field(default_factory=dict)
    mocks: dict[str, Mock] = Field(default_factory=dict)
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
    """A workflow, by its file or written out, and its cases."""

    workflow: str | dict[str, Any]
    cases: list[Case] = Field(min_length=1)


@dataclass(frozen=True)
class CaseFile:
    """A file of cases, with the workflow that they are of."""

    path: Path
    cases: list[Case]
    document: Document
    workflow_path: Path

    @property
    def recorded(self) -> Path:
        """Where the answers of models are kept."""
        name = next(self.path.name.removesuffix(s) for s in SUFFIXES if self.path.name.endswith(s))
        return self.path.with_name(f"{name}.recorded.json")


def find_files(paths: list[Path]) -> Iterator[Path]:
    """Yield the files of cases among files and in folders."""
    for path in paths:
        if path.is_dir():
            yield from sorted(f for f in path.rglob("*") if f.name.endswith(SUFFIXES))
        else:
            yield path


def read_cases(path: Path) -> CaseFile:
    """Read a file of cases; raise DefinitionRefused with all that is wrong with it."""
    document = read_file(path)
    try:
        found = Cases.model_validate(document.data)
    except ValidationError as error:
        problems = shape_problems(error, Cases, document.data, ())
        raise DefinitionRefused([document.diagnostic(problem) for problem in problems]) from None
    if isinstance(found.workflow, str):
        workflow_path = path.parent / found.workflow
        return CaseFile(path, found.cases, read_file(workflow_path), workflow_path)
    return CaseFile(path, found.cases, from_data(found.workflow), path)
