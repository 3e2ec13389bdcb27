"""What a server answers, as types: plain JSON objects with these fields."""

from typing import Any, Literal, NotRequired, TypedDict

RunState = Literal["pending", "running", "completed", "failed", "cancelled", "paused", "waiting"]
# A run in one of these states does not continue.
ENDED: frozenset[str] = frozenset({"completed", "failed", "cancelled"})


class FailureAnswer(TypedDict):
    """Why a run or a node failed."""

    code: str
    message: str
    node_id: NotRequired[str]
    attempt: NotRequired[int]
    at: NotRequired[dict[str, Any]]
    reference: NotRequired[str]
    value: NotRequired[str]
    hint: NotRequired[str]


class ExecutionAnswer(TypedDict):
    """The outcome of a run, or how far it is; times are in ISO 8601, costs in US dollars."""

    id: str
    workflow_id: str | None
    version: int | None
    status: RunState
    output: Any
    usage: dict[str, float]
    error: FailureAnswer | None
    created_at: str
    started_at: str | None
    finished_at: str | None


class NodeAnswer(TypedDict):
    """What a node of a run did; `duration_ms` counts all its attempts."""

    status: Literal["running", "completed", "failed", "skipped", "waiting", "cancelled"]
    runs: int
    output: Any
    attempts: int
    duration_ms: float | None
    started_at: str | None
    finished_at: str | None
    error: FailureAnswer | None


class RunAnswer(ExecutionAnswer):
    """A run with its nodes."""

    hash: str
    input: dict[str, Any]
    nodes: dict[str, NodeAnswer]
    priority: int
    forked_from: str | None
    started_by: str | None
    thread_id: str | None
    breakpoints: dict[str, Any] | None
    starts_at: str | None


class EventOfRun(TypedDict):
    """One thing that happened to a run, or to a node of it; numbers begin at 1."""

    number: int
    kind: str
    at: str
    data: Any
    node_id: str | None
    path: str


class AnsweredInterrupt(TypedDict):
    """Something that a run waits for or has waited for: a question, a signal or a time."""

    id: str
    run_id: str
    node_id: str
    path: str
    kind: str
    status: str
    data: dict[str, Any]
    answer: Any
    created_at: str
    due_at: str | None
    answered_at: str | None
    answered_by: str | None
    workflow_id: str | None
    workflow_name: str | None


class WorkflowAnswer(TypedDict):
    """A stored workflow; `warnings` are there after it was stored.

    The last three are in lists with `include="stats"`.
    """

    id: str
    name: str
    version: int
    active_version: int
    newest_version: int
    author: str | None
    message: str | None
    hash: str
    definition: dict[str, Any]
    created_at: str
    updated_at: str
    warnings: NotRequired[list[dict[str, Any]]]
    last_run: NotRequired[dict[str, Any] | None]
    executions: NotRequired[int]
    success_rate: NotRequired[float | None]


class CaseResultAnswer(TypedDict):
    """How a case ended once; no problems if it passed."""

    name: str
    status: Literal["passed", "failed"]
    version: int
    problems: list[str]
    seconds: float
    ran_at: str


class CaseAnswer(TypedDict):
    """A stored case; `last_result` is None if it has not run."""

    name: str
    input: NotRequired[dict[str, Any]]
    mocks: NotRequired[dict[str, Any]]
    answers: NotRequired[dict[str, Any]]
    signals: NotRequired[dict[str, Any]]
    secrets: NotRequired[dict[str, str]]
    clock: NotRequired[str]
    expect: dict[str, Any]
    last_result: CaseResultAnswer | None


class CasesAnswer(TypedDict):
    """The cases of a workflow."""

    workflow_id: str
    cases: list[CaseAnswer]
    author: str | None
    updated_at: str | None


class CaseRunAnswer(CaseResultAnswer):
    """How a case ended: the expected result, and the result."""

    expected: dict[str, Any]
    got: dict[str, Any]


class CaseRunsAnswer(TypedDict):
    """How cases ended, in the order in which they ran."""

    passed: int
    failed: int
    results: list[CaseRunAnswer]
