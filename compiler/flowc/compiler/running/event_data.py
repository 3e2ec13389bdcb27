"""The data of each kind of event, field by field.

Each class is the data of one kind: its docstring says when that event is emitted, and each field
has its description beside it. `server/docs/events.md` is made from them.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, NotRequired, TypedDict


class RunCreatedData(TypedDict):
    """The run is stored, and works at once, waits in the queue, or waits for its turn."""

    priority: Annotated[int, "The run's priority; 1 is the highest."]
    user: NotRequired[Annotated[str, "Who asks, if a client of the OpenAI API says so."]]
    metadata: NotRequired[
        Annotated[dict[str, str], "The data of a client of the OpenAI API, if it sends any."]
    ]


class RunStartedData(TypedDict):
    """A worker starts a segment of the run: a stretch of work between two rests."""

    segment: Annotated[int, "The number of the segment, from 0."]
    attempt: Annotated[int, "How often this segment was started; 2 and more after a crash."]
    again: NotRequired[
        Annotated[
            bool,
            "True if the worker before did not die, but could not reach the database, else absent.",
        ]
    ]


class RunResumedData(TypedDict):
    """The run is queued again, for its next segment."""

    reason: Annotated[
        Literal["answered", "resumed", "step", "retried", "lost", "stopped"],
        "Why: an interrupt was answered, a client resumed it, took a step or retried it, its worker"
        " died (`lost`), or its worker stopped or could not reach the database.",
    ]
    interrupt: NotRequired[Annotated[str, "The id of the answered interrupt, if that is why."]]


class InterruptData(TypedDict):
    """One interrupt: something that a run waits for."""

    id: Annotated[str, "The interrupt's id, which an answer names."]
    node_id: Annotated[str, "The node that waits."]
    path: Annotated[str, "The loop turns and map items that the node is in, or an empty text."]
    kind: Annotated[str, "`human`, `signal`, `timer` or `breakpoint`."]
    data: Annotated[Any, "The question to a person, or the signal's name and key."]
    due_at: Annotated[str | None, "Until when it waits, in ISO 8601."]


class RunWaitingData(TypedDict):
    """The run waits: no node can continue before an interrupt is answered."""

    interrupts: Annotated[list[InterruptData], "What the run waits for."]


class RunPausedData(TypedDict):
    """The run is paused, by a client or at a breakpoint, until it is resumed."""

    interrupts: NotRequired[
        Annotated[
            list[InterruptData],
            "The breakpoints, and what else the run waits for; absent if it was not at work.",
        ]
    ]


class StopsData(TypedDict):
    """Where a run stops."""

    nodes: Annotated[list[str], "The names of the nodes before which the run stops."]
    stepping: Annotated[bool, "Whether it stops before every node."]
    conditions: NotRequired[
        Annotated[
            dict[str, str], "Expressions by name of a node: the run stops there if they are true."
        ]
    ]


class RunBreakpointsData(TypedDict):
    """A client changed the breakpoints of the run."""

    breakpoints: Annotated[StopsData | None, "Where the run stops now; null ends debugging."]


class ChangedData(TypedDict):
    """Values of a run, by name."""

    variables: Annotated[Mapping[str, Any], "By name."]
    outputs: Annotated[Mapping[str, Any], "Of nodes that have completed, by id."]


class RunChangedData(ChangedData):
    """A client changed values while the run was paused: nodes read them from here on.

    Of a run that begins with stored variables, it has their values.
    """

    before: Annotated[ChangedData, "The values until then; a variable without one is absent."]
    scope: Annotated[str, "The path of the body that they are in; empty outside of bodies."]
    by: Annotated[str, "Who changed them."]


class RunCompletedData(TypedDict):
    """The run has reached its end. No event follows."""

    output: Annotated[Any, "The run's output."]
    unreached: Annotated[list[str], "The nodes that never ran; they count as skipped."]


class RunFailedData(TypedDict):
    """The run failed, or a client terminated it. A retry continues with `run.resumed`."""

    error: Annotated[
        Mapping[str, Any],
        "`code` and `message`; where one node failed also `node_id`, `attempt`, and `at`, the"
        " place in the definition (`pointer`, and where its text is known `file`, `line` and"
        " `column`); and where known `reference`, `value` and `hint`, as in `node.failed`.",
    ]
    unreached: NotRequired[
        Annotated[list[str], "The nodes that never ran; absent if a client terminated the run."]
    ]


class RunCancelledData(TypedDict):
    """A client cancelled the run. No event follows, except `run.used`."""

    error: Annotated[Mapping[str, Any], "`code` (`cancelled`) and `message`, the client's reason."]


class RunUsedData(TypedDict):
    """What nodes had used that were at work when a client ended the run; it follows that event."""

    usage: Annotated[Mapping[str, float], "What was used, and no event of a node has counted."]


class InterruptAnsweredData(InterruptData):
    """An interrupt is answered, or its time is over."""

    status: Annotated[str, "`answered`, or `late` if its time was over before an answer."]


class NodeStartedData(TypedDict):
    """A node starts. It appears again for the same node in a loop, and after a crash."""

    type: Annotated[str, "The node's type."]


class NodeRetryingData(TypedDict):
    """An attempt failed, and another one follows."""

    attempt: Annotated[int, "The number of the attempt that failed, from 1."]
    delay: Annotated[float, "Seconds until the next attempt."]
    message: Annotated[str, "Why it failed."]


class AwaitedData(TypedDict):
    """What a node waits for."""

    id: Annotated[str, "The interrupt's id, which an answer names."]
    node_id: Annotated[str, "The node that waits."]
    path: Annotated[str, "The loop turns and map items that the node is in, or an empty text."]
    kind: Annotated[str, "`human`, `signal`, `timer` or `breakpoint`."]
    data: Annotated[Mapping[str, Any], "The question to a person, or the signal's name and key."]
    seconds: Annotated[float | None, "How long it waits at most; null is without limit."]


class ModelsData(TypedDict):
    """Which models the `usage` of a node is of."""

    model: NotRequired[Annotated[str, "The model that all of `usage` is of, if it is of one."]]
    models: NotRequired[
        Annotated[
            Mapping[str, Mapping[str, float]],
            "`usage` by model, if it is of several; absent if it is of one, or of none.",
        ]
    ]


class NodeUsedData(ModelsData):
    """A node has used something, and is still at work, waits, or is cut off.

    When the node ends, the `usage` of that event includes it, unless a `run.started` or a
    `node.waiting` of the node is between the two.
    """

    usage: Annotated[
        Mapping[str, float],
        "Tokens, model calls and `cost` in US dollars since the last such event of the node.",
    ]
    keys: NotRequired[
        Annotated[list[str], "Names of stored results that it is for; absent if there are none."]
    ]


class NodeWaitingData(TypedDict):
    """A node waits, or a node in its body does."""

    interrupt: Annotated[
        AwaitedData | None, "What it waits for; null if only nodes in its body wait."
    ]


class ReadsData(TypedDict):
    """The time and the seed of random values that a node's expressions read."""

    now: Annotated[str, "The time, as ISO 8601 text."]
    seed: Annotated[str, "What the random values are derived from."]


class NodeCompletedData(ModelsData):
    """A node completed."""

    output: Annotated[Any, "The node's output."]
    branch: Annotated[str | None, "The branch that it chose, if it chose one."]
    usage: Annotated[
        Mapping[str, float],
        "Tokens, model calls and `cost` in US dollars of all attempts, as far as it used any;"
        " `estimated_calls` of the calls were cut off, and their tokens are an estimate.",
    ]
    attempts: Annotated[int, "The number of attempts; 0 if the output was not computed now."]
    duration_ms: Annotated[float, "Milliseconds, all attempts and the delays between them."]
    cached: Annotated[bool, "Whether the output comes from the cache."]
    variables: NotRequired[Annotated[dict[str, Any], "The variables that it set."]]
    replayed: NotRequired[
        Annotated[bool, "True if the output comes from an earlier run or a mock, else absent."]
    ]
    input: NotRequired[
        Annotated[dict[str, Any], "The computed fields of its configuration, with their values."]
    ]
    reads: NotRequired[
        Annotated[ReadsData, "The time and the seed that its expressions read, if any does."]
    ]


class NodeFailedData(ModelsData):
    """A node failed, after its last attempt."""

    code: Annotated[str, "The error code."]
    message: Annotated[str, "Why it failed, in a sentence."]
    duration_ms: Annotated[float, "Milliseconds, all attempts and the delays between them."]
    attempts: Annotated[int, "The number of attempts."]
    at: Annotated[
        Mapping[str, str],
        "`pointer`, the JSON pointer of the place in the definition that the node is in.",
    ]
    reference: NotRequired[
        Annotated[str, "The path, or part of an expression, whose value is at fault, if known."]
    ]
    value: NotRequired[
        Annotated[str, "The value at fault as JSON, shortened, without secrets, if known."]
    ]
    hint: NotRequired[Annotated[str, "What to do, if known."]]
    usage: NotRequired[
        Annotated[
            Mapping[str, float],
            "Tokens, model calls and `cost` in US dollars of all attempts; absent if it used none.",
        ]
    ]
    handled: NotRequired[
        Annotated[bool, "True if the node's `on_error` lets the run continue, else absent."]
    ]
    input: NotRequired[
        Annotated[dict[str, Any], "The computed fields of its configuration, with their values."]
    ]
    reads: NotRequired[
        Annotated[ReadsData, "The time and the seed that its expressions read, if any does."]
    ]


class NodeCancelledData(TypedDict):
    """A node was at work or waited, and no one needs it any more: a race was decided without it."""

    by: Annotated[str, "The join that is decided, or the node that failed on the same path."]


class NodeSkippedData(TypedDict):
    """A node is skipped, because no branch leads to it any more. It has no data."""


class NodeSaidData(TypedDict):
    """A node emits something of its own while it works, such as a token of an answer."""

    kind: Annotated[str, "What it is; the kinds of the built-in node types are below."]
    data: Annotated[Any, "The data of that kind."]
