"""What authors of node types import: the base class, its field annotations, and its context."""

from flowc.compiler.node.context import Context, RunBody, Tool
from flowc.compiler.node.errors import BodyFailed, NodeError
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
from flowc.compiler.node.node_type import Node
from flowc.compiler.node.outcome import NOTHING, BodyResult, Effects, Json, Outcome

__all__ = [
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
    "Incoming",
    "ItemCondition",
    "ItemExpression",
    "Json",
    "Node",
    "NodeError",
    "Outcome",
    "Role",
    "RunBody",
    "SecretAllowed",
    "Tool",
    "ToolsField",
]
