"""A client of a flowc server, for Python programs.

`FlowcClient` waits for each answer; `AsyncFlowcClient` has the same methods for an event loop. With
the address of a server and a key, `client.execute("support", {"message": "Hi"})` runs a workflow.
"""

from flowc.client.answers import (
    AnsweredInterrupt,
    CaseRunsAnswer,
    CasesAnswer,
    EventOfRun,
    ExecutionAnswer,
    RunAnswer,
    WorkflowAnswer,
)
from flowc.client.async_client import AsyncFlowcClient
from flowc.client.problems import RequestRefused, ServerTooSlow, ServerUnreachable
from flowc.client.sync_client import FlowcClient

__all__ = [
    "AnsweredInterrupt",
    "AsyncFlowcClient",
    "CaseRunsAnswer",
    "CasesAnswer",
    "EventOfRun",
    "ExecutionAnswer",
    "FlowcClient",
    "RequestRefused",
    "RunAnswer",
    "ServerTooSlow",
    "ServerUnreachable",
    "WorkflowAnswer",
]
