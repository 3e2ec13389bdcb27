"""The models of a workflow definition, whatever form it was written in."""

from flowc.compiler.definition.durations import Duration
from flowc.compiler.definition.nodes import (
    FEW,
    MAX_NODES,
    PASSING,
    AtLeast,
    CachePolicy,
    Concurrency,
    Coordinates,
    EdgeDefinition,
    FailureKind,
    GoOn,
    GoTo,
    JoinRule,
    NodeDefinition,
    NodeOptions,
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
    "Concurrency",
    "Coordinates",
    "Duration",
    "EdgeDefinition",
    "FailureKind",
    "GoOn",
    "GoTo",
    "Granularity",
    "JoinRule",
    "JsonSchema",
    "NodeDefinition",
    "NodeOptions",
    "Nodes",
    "Part",
    "RetryPolicy",
    "RunRate",
    "Schema",
    "TooCostly",
    "ToolDefinition",
    "WorkflowBudget",
    "WorkflowDefinition",
    "WorkflowHeader",
    "WorkflowSettings",
    "find_problems",
    "problems_of",
    "schema_at",
    "to_json_schema",
]
