"""What authors of node types import: the base class, its field annotations, and its context."""

from flowc.compiler.node.context import Context, RunBody, Tool
from flowc.compiler.node.effects import DEFAULT_MODEL, Effects, Need, NeedKind
from flowc.compiler.node.errors import BodyFailed, NodeError, wrong_value
from flowc.compiler.node.fields import (
    PER_ITEM,
    BodyField,
    Condition,
    Formula,
    Incoming,
    ItemCondition,
    ItemExpression,
    Role,
    SecretAllowed,
    ToolsField,
)
from flowc.compiler.node.interrupts import Answer, Ask
from flowc.compiler.node.lasting import LastingVariables, Written
from flowc.compiler.node.node_type import Node
from flowc.compiler.node.outcome import NOTHING, BodyResult, Json, Outcome
from flowc.compiler.node.secret_hosts import HostBound, SecretHosts, require_host

__all__ = [
    "DEFAULT_MODEL",
    "NOTHING",
    "PER_ITEM",
    "Answer",
    "Ask",
    "BodyFailed",
    "BodyField",
    "BodyResult",
    "Condition",
    "Context",
    "Effects",
    "Formula",
    "HostBound",
    "Incoming",
    "ItemCondition",
    "ItemExpression",
    "Json",
    "LastingVariables",
    "Need",
    "NeedKind",
    "Node",
    "NodeError",
    "Outcome",
    "Role",
    "RunBody",
    "SecretAllowed",
    "SecretHosts",
    "Tool",
    "ToolsField",
    "Written",
    "require_host",
    "wrong_value",
]
