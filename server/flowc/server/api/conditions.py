"""Conditional requests on workflows: tags, and what `If-Match` and `If-None-Match` ask for."""

import re
from collections.abc import Collection
from typing import Annotated, NamedTuple

from fastapi import Depends, Header

from flowc.server.store.workflows import StoredWorkflow, WorkflowTag

_TAG = re.compile(r'"([0-9]{1,9})\.([0-9]{1,9})"')

IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        max_length=1_000,
        description="The `ETag` of the workflow as it was read: if it was changed since, the answer"
        " is 412.",
    ),
]
IfNoneMatch = Annotated[
    str | None,
    Header(
        alias="If-None-Match",
        max_length=1_000,
        description="With `*`, an existing workflow is not replaced: the answer is 412.",
    ),
]


class Conditions(NamedTuple):
    """On what a request depends that stores a workflow."""

    only_creates: bool
    only_replaces: bool
    expected: Collection[WorkflowTag] | None


# A function that is not async would be called in another thread, at each request.
async def _conditions(if_match: IfMatch = None, if_none_match: IfNoneMatch = None) -> Conditions:
    return Conditions(if_none_match is not None, if_match is not None, expected_tags(if_match))


StoreConditions = Annotated[Conditions, Depends(_conditions)]


def tag_of(stored: StoredWorkflow) -> str:
    """Return the value of `ETag` for a workflow.

    It changes when another version becomes active, or a new one is stored.
    """
    return f'"{stored.active}.{stored.newest}"'


def revision_tag(kind: str, revision: int) -> str:
    """Return the value of `ETag` for what is stored in revisions, such as a draft."""
    return f'"{kind}.{revision}"'


def expected_revisions(
    kind: str, if_match: str | None, if_none_match: str | None = None
) -> frozenset[int] | None:
    """Return the revisions that a request expects, 0 if there is to be none; None if any.

    >>> expected_revisions("draft", '"draft.3", "other.4"'), expected_revisions("draft", None, "*")
    (frozenset({3}), frozenset({0}))
    """
    if if_none_match is not None:
        return frozenset({0})
    if if_match is None or if_match.strip() == "*":
        return None
    return frozenset(map(int, re.findall(rf'"{kind}\.([0-9]{{1,9}})"', if_match)))


def expected_tags(if_match: str | None) -> Collection[WorkflowTag] | None:
    """Return which states of a workflow a request expects; None if any.

    >>> sorted(expected_tags('"3.5", W/"4.5"')), expected_tags("*"), expected_tags("nonsense")
    ([WorkflowTag(active=3, newest=5), WorkflowTag(active=4, newest=5)], None, frozenset())
    """
    if if_match is None or if_match.strip() == "*":
        return None
    found = _TAG.findall(if_match)
    return frozenset(WorkflowTag(int(active), int(newest)) for active, newest in found)
