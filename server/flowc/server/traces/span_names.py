"""The names of the attributes of spans: OpenTelemetry's where it has one, else flowc's own."""

from typing import Any

OPERATION, ERROR = "gen_ai.operation.name", "error.type"
WORKFLOW_NAME, AGENT_NAME, TOOL_NAME = (
    "gen_ai.workflow.name",
    "gen_ai.agent.name",
    "gen_ai.tool.name",
)
TOOL_TYPE = "gen_ai.tool.type"
CONVERSATION = "gen_ai.conversation.id"
PROVIDER, MODEL = "gen_ai.provider.name", "gen_ai.request.model"
INPUT_TOKENS, OUTPUT_TOKENS = "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"
CACHED_TOKENS = "gen_ai.usage.cache_read.input_tokens"
COST = "gen_ai.usage.cost"
INPUT_MESSAGES, OUTPUT_MESSAGES = "gen_ai.input.messages", "gen_ai.output.messages"

RUN, WORKFLOW, TENANT = "flowc.run.id", "flowc.workflow.id", "flowc.tenant"
SEGMENT, ATTEMPT, RUN_STATUS = "flowc.segment", "flowc.attempt", "flowc.run.status"
NODE, NODE_PATH, NODE_TYPE, NODE_STATUS = (
    "flowc.node.id",
    "flowc.node.path",
    "flowc.node.type",
    "flowc.node.status",
)
ATTEMPTS, CACHED = "flowc.attempts", "flowc.cached"
INPUT, OUTPUT = "flowc.input", "flowc.output"

# What the spans within a span have from it.
PASSED_ON = (RUN, WORKFLOW, TENANT, CONVERSATION, NODE)
# The operations that are calls of models.
MODEL_CALLS = frozenset({"chat", "embeddings", "rerank"})

# The span of the time in the queue.
QUEUED = "queued"

Attributes = dict[str, Any]
