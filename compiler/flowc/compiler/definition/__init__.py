"""The models of a workflow definition, whatever form it was written in."""

from flowc.compiler.definition.chats import ChatStart
from flowc.compiler.definition.durations import Duration
from flowc.compiler.definition.environment_values import EnvironmentValue
from flowc.compiler.definition.failures import PASSING, FailureKind, FailureWord, selects
from flowc.compiler.definition.nodes import (
    FEW,
    MAX_NODES,
    AtLeast,
    CachePolicy,
    Concurrency,
    Coordinates,
    EdgeDefinition,
    GoOn,
    GoTo,
    JoinRule,
    NodeDefinition,
    NodeOptions,
    NodeRetry,
    Nodes,
    RetryPolicy,
    ToolDefinition,
)
from flowc.compiler.definition.parts import JsonSchema, Part
from flowc.compiler.definition.schema_paths import schema_at
from flowc.compiler.definition.settings import (
    BudgetLimits,
    Granularity,
    RunRate,
    WorkflowBudget,
    WorkflowSettings,
)
from flowc.compiler.definition.short_schemas import (
    BadSchema,
    Schema,
    TooCostly,
    find_problems,
    problems_of,
    to_json_schema,
)
from flowc.compiler.definition.variables import (
    VariableDeclaration,
    VariableScope,
    declarations_in,
    initial_values,
    is_declaration,
)
from flowc.compiler.definition.workflow import BodyDefinition, WorkflowDefinition, WorkflowHeader

__all__ = [
    "FEW",
    "MAX_NODES",
    "PASSING",
    "AtLeast",
    "BadSchema",
    "BodyDefinition",
    "BudgetLimits",
    "CachePolicy",
    "ChatStart",
    "Concurrency",
    "Coordinates",
    "Duration",
    "EdgeDefinition",
    "EnvironmentValue",
    "FailureKind",
    "FailureWord",
    "GoOn",
    "GoTo",
    "Granularity",
    "JoinRule",
    "JsonSchema",
    "NodeDefinition",
    "NodeOptions",
    "NodeRetry",
    "Nodes",
    "Part",
    "RetryPolicy",
    "RunRate",
    "Schema",
    "TooCostly",
    "ToolDefinition",
    "VariableDeclaration",
    "VariableScope",
    "WorkflowBudget",
    "WorkflowDefinition",
    "WorkflowHeader",
    "WorkflowSettings",
    "declarations_in",
    "find_problems",
    "initial_values",
    "is_declaration",
    "problems_of",
    "schema_at",
    "selects",
    "to_json_schema",
]
