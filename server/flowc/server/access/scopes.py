"""Scopes, the roles that have them, and the scope that each route needs.

`ROUTES` is the one table from which requests are checked, the description of the API gets its
security, and the tests of access are made. A route is named by its handler, so that a second
address of the same handler needs the same scope.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum


class ApiScope(StrEnum):
    """What a caller may do."""

    WORKFLOWS_READ = "workflows:read"
    WORKFLOWS_WRITE = "workflows:write"
    RUNS_READ = "runs:read"
    RUNS_EXECUTE = "runs:execute"
    RUNS_CONTROL = "runs:control"
    ANSWERS_ANY = "answers:any"
    THREADS_READ = "threads:read"
    THREADS_WRITE = "threads:write"
    TRIGGERS_READ = "triggers:read"
    TRIGGERS_WRITE = "triggers:write"
    KNOWLEDGE_READ = "knowledge:read"
    KNOWLEDGE_WRITE = "knowledge:write"
    FILES_WRITE = "files:write"
    KEYS_MANAGE = "keys:manage"
    SECRETS_MANAGE = "secrets:manage"
    AUDIT_READ = "audit:read"
    ANALYTICS_READ = "analytics:read"
    METRICS_READ = "metrics:read"


class CallerRole(StrEnum):
    """What a caller is; each role has the scopes of those before it, and more."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    EDITOR = "editor"
    ADMIN = "admin"


_S = ApiScope
_ADDED: Mapping[CallerRole, frozenset[ApiScope]] = {
    CallerRole.VIEWER: frozenset(
        {
            _S.WORKFLOWS_READ,
            _S.RUNS_READ,
            _S.THREADS_READ,
            _S.TRIGGERS_READ,
            _S.KNOWLEDGE_READ,
            _S.ANALYTICS_READ,
        }
    ),
    CallerRole.OPERATOR: frozenset(
        {_S.RUNS_EXECUTE, _S.RUNS_CONTROL, _S.THREADS_WRITE, _S.FILES_WRITE}
    ),
    CallerRole.EDITOR: frozenset({_S.WORKFLOWS_WRITE, _S.TRIGGERS_WRITE, _S.KNOWLEDGE_WRITE}),
    CallerRole.ADMIN: frozenset(
        {_S.ANSWERS_ANY, _S.KEYS_MANAGE, _S.SECRETS_MANAGE, _S.AUDIT_READ, _S.METRICS_READ}
    ),
}


def scopes_of(role: CallerRole) -> frozenset[ApiScope]:
    """Return all scopes of a role.

    >>> editor = scopes_of(CallerRole.EDITOR)
    >>> ApiScope.RUNS_EXECUTE in editor, ApiScope.KEYS_MANAGE in editor
    (True, False)
    """
    roles = list(CallerRole)
    return frozenset().union(*(_ADDED[each] for each in roles[: roles.index(role) + 1]))


def role_of(scopes: Collection[ApiScope]) -> CallerRole | None:
    """Return the least role that has these scopes.

    >>> role_of({ApiScope.RUNS_EXECUTE}), role_of(set())
    (<CallerRole.OPERATOR: 'operator'>, <CallerRole.VIEWER: 'viewer'>)
    """
    return next((role for role in CallerRole if scopes_of(role).issuperset(scopes)), None)


# Methods that change nothing.
SAFE_METHODS: frozenset[str] = frozenset({"GET", "HEAD", "OPTIONS"})

# Open to all clients: they have no data, or check a signature or a credential themselves.
PUBLIC: frozenset[str] = frozenset(
    {
        "health",
        "ping",
        "receive_webhook",
        "try_webhook",
        "create_session",
        "list_sign_in_methods",
        "begin_sign_in",
        "finish_sign_in",
        "leave_provider",
    }
)

# Open to each caller, whatever it may do otherwise.
FOR_EACH_CALLER: frozenset[str] = frozenset({"get_session", "end_session"})

# The scope that each handler needs.
ROUTES: Mapping[str, ApiScope] = {
    "execute_workflow": _S.RUNS_EXECUTE,
    # A definition in the body can do whatever a stored one can.
    "execute_definition": _S.WORKFLOWS_WRITE,
    "create_workflow": _S.WORKFLOWS_WRITE,
    "list_workflows": _S.WORKFLOWS_READ,
    "get_workflow": _S.WORKFLOWS_READ,
    "list_versions": _S.WORKFLOWS_READ,
    "get_version": _S.WORKFLOWS_READ,
    "activate_version": _S.WORKFLOWS_WRITE,
    "get_source": _S.WORKFLOWS_READ,
    "get_graph": _S.WORKFLOWS_READ,
    "get_run_graph": _S.RUNS_READ,
    "get_run_definition": _S.RUNS_READ,
    "list_model_aliases": _S.WORKFLOWS_READ,
    # With a run, it needs the scope of `read_state`, too.
    "evaluate_expression": _S.WORKFLOWS_READ,
    "diff_versions": _S.WORKFLOWS_READ,
    "replace_workflow": _S.WORKFLOWS_WRITE,
    "delete_workflow": _S.WORKFLOWS_WRITE,
    "export_workflow": _S.WORKFLOWS_READ,
    "import_workflows": _S.WORKFLOWS_WRITE,
    "get_labels": _S.WORKFLOWS_READ,
    "set_labels": _S.WORKFLOWS_WRITE,
    "list_drafts": _S.WORKFLOWS_READ,
    "diff_draft": _S.WORKFLOWS_READ,
    "get_draft": _S.WORKFLOWS_READ,
    "store_draft": _S.WORKFLOWS_WRITE,
    "delete_draft": _S.WORKFLOWS_WRITE,
    "publish_draft": _S.WORKFLOWS_WRITE,
    "get_cases": _S.WORKFLOWS_READ,
    "store_cases": _S.WORKFLOWS_WRITE,
    "delete_cases": _S.WORKFLOWS_WRITE,
    "run_cases": _S.RUNS_EXECUTE,
    "list_case_results": _S.WORKFLOWS_READ,
    "make_case": _S.RUNS_READ,
    "list_node_types": _S.WORKFLOWS_READ,
    "get_node_type": _S.WORKFLOWS_READ,
    # What is tested can do whatever a stored definition can.
    "test_node_type": _S.WORKFLOWS_WRITE,
    "test_workflow": _S.RUNS_EXECUTE,
    "validate_run": _S.RUNS_READ,
    "register_node_type": _S.WORKFLOWS_WRITE,
    "remove_node_type": _S.WORKFLOWS_WRITE,
    "get_schema": _S.WORKFLOWS_READ,
    "explain_diagnostic": _S.WORKFLOWS_READ,
    "check_definition": _S.WORKFLOWS_READ,
    "rename_node_in_text": _S.WORKFLOWS_READ,
    "list_jobs": _S.RUNS_READ,
    "get_job": _S.RUNS_READ,
    "cancel_job": _S.RUNS_CONTROL,
    "run_workflow": _S.RUNS_EXECUTE,
    # With a definition in the body, they need the scope of `execute_definition`, too.
    "execute_workflow_or_definition": _S.RUNS_EXECUTE,
    "execute_async": _S.RUNS_EXECUTE,
    "get_execution": _S.RUNS_READ,
    "signal_execution": _S.RUNS_CONTROL,
    "add_breakpoint": _S.RUNS_CONTROL,
    "set_dependencies": _S.TRIGGERS_WRITE,
    "add_dependency": _S.TRIGGERS_WRITE,
    "remove_dependency": _S.TRIGGERS_WRITE,
    "get_dependencies": _S.TRIGGERS_READ,
    "delete_dependencies": _S.TRIGGERS_WRITE,
    "validate_dependencies": _S.TRIGGERS_READ,
    "list_runs": _S.RUNS_READ,
    "get_run": _S.RUNS_READ,
    "get_node_output": _S.RUNS_READ,
    "read_logs": _S.RUNS_READ,
    "read_history": _S.RUNS_READ,
    "watch_events": _S.RUNS_READ,
    "watch_socket": _S.RUNS_READ,
    "watch_all_events": _S.RUNS_READ,
    "watch_workflow": _S.RUNS_READ,
    "create_ticket": _S.RUNS_READ,
    "cancel_run": _S.RUNS_CONTROL,
    "terminate_run": _S.RUNS_CONTROL,
    "pause_run": _S.RUNS_CONTROL,
    "resume_run": _S.RUNS_CONTROL,
    "retry_run": _S.RUNS_CONTROL,
    "replay_run": _S.RUNS_CONTROL,
    "read_state": _S.RUNS_READ,
    "read_debug_state": _S.RUNS_READ,
    "read_variables": _S.RUNS_READ,
    "change_variables": _S.RUNS_CONTROL,
    "enable_debugging": _S.RUNS_CONTROL,
    "disable_debugging": _S.RUNS_CONTROL,
    "set_breakpoint": _S.RUNS_CONTROL,
    "delete_breakpoint": _S.RUNS_CONTROL,
    "step": _S.RUNS_CONTROL,
    "list_interrupts": _S.RUNS_READ,
    "count_interrupts": _S.RUNS_READ,
    "get_interrupt": _S.RUNS_READ,
    "answer_interrupt": _S.RUNS_CONTROL,
    "send_signal": _S.RUNS_CONTROL,
    "create_schedule": _S.TRIGGERS_WRITE,
    "list_schedules": _S.TRIGGERS_READ,
    "get_schedule": _S.TRIGGERS_READ,
    "replace_schedule": _S.TRIGGERS_WRITE,
    "delete_schedule": _S.TRIGGERS_WRITE,
    "pause_schedule": _S.TRIGGERS_WRITE,
    "resume_schedule": _S.TRIGGERS_WRITE,
    "trigger_schedule": _S.RUNS_EXECUTE,
    "backfill_schedule": _S.TRIGGERS_WRITE,
    "create_webhook": _S.TRIGGERS_WRITE,
    "list_webhooks": _S.TRIGGERS_READ,
    "delete_webhook": _S.TRIGGERS_WRITE,
    "create_subscription": _S.TRIGGERS_WRITE,
    "list_subscriptions": _S.TRIGGERS_READ,
    "delete_subscription": _S.TRIGGERS_WRITE,
    "list_deliveries": _S.TRIGGERS_READ,
    "create_thread": _S.THREADS_WRITE,
    "list_threads": _S.THREADS_READ,
    "get_thread": _S.THREADS_READ,
    "delete_thread": _S.THREADS_WRITE,
    "read_messages": _S.THREADS_READ,
    "read_thread_runs": _S.THREADS_READ,
    "chat": _S.RUNS_EXECUTE,
    "list_collections": _S.KNOWLEDGE_READ,
    "create_collection": _S.KNOWLEDGE_WRITE,
    "get_collection": _S.KNOWLEDGE_READ,
    "delete_collection": _S.KNOWLEDGE_WRITE,
    "list_documents": _S.KNOWLEDGE_READ,
    "delete_document": _S.KNOWLEDGE_WRITE,
    "list_passages": _S.KNOWLEDGE_READ,
    "search": _S.KNOWLEDGE_READ,
    "ingest": _S.KNOWLEDGE_WRITE,
    "upload_file": _S.FILES_WRITE,
    "list_files": _S.KNOWLEDGE_READ,
    "get_file": _S.KNOWLEDGE_READ,
    "get_content": _S.KNOWLEDGE_READ,
    "delete_file": _S.FILES_WRITE,
    "list_models": _S.RUNS_EXECUTE,
    "get_model": _S.RUNS_EXECUTE,
    "complete": _S.RUNS_EXECUTE,
    "respond": _S.RUNS_EXECUTE,
    "get_response": _S.RUNS_EXECUTE,
    "cancel_response": _S.RUNS_CONTROL,
    "call_mcp": _S.RUNS_EXECUTE,
    "create_key": _S.KEYS_MANAGE,
    "list_keys": _S.KEYS_MANAGE,
    "revoke_key": _S.KEYS_MANAGE,
    "list_roles": _S.KEYS_MANAGE,
    "list_users": _S.KEYS_MANAGE,
    "end_user_sessions": _S.KEYS_MANAGE,
    "set_secret": _S.SECRETS_MANAGE,
    "list_secrets": _S.SECRETS_MANAGE,
    "delete_secret": _S.SECRETS_MANAGE,
    "rotate_secrets": _S.SECRETS_MANAGE,
    "read_audit_log": _S.AUDIT_READ,
    "analyze_workflows": _S.ANALYTICS_READ,
    "analyze_jobs": _S.ANALYTICS_READ,
    "analyze_stats": _S.ANALYTICS_READ,
    "read_summary": _S.ANALYTICS_READ,
    "analyze_performance": _S.ANALYTICS_READ,
    "analyze_trends": _S.ANALYTICS_READ,
    "analyze_cost": _S.ANALYTICS_READ,
    # And of the operator's own tenant alone: it has numbers of all of them.
    "read_metrics": _S.METRICS_READ,
}


def handler_of(operation_id: str) -> str:
    """Return the handler of an operation; at a second address, the operation names that, too.

    >>> handler_of("get_run"), handler_of("pause_run_at_executions_run_id_pause")
    ('get_run', 'pause_run')
    """
    return operation_id.partition("_at_")[0]


# The handlers that a key of one workflow can use: they take no other workflow from it.
FOR_ONE_WORKFLOW: frozenset[str] = frozenset(
    {
        "execute_workflow",
        "run_workflow",
        "call_mcp",
        "chat",
        "list_models",
        "get_model",
        "complete",
        "respond",
        "get_response",
        "cancel_response",
    }
)

# The handlers whose use starts runs, or tries to: they have rates of their own.
STARTS_RUNS: frozenset[str] = frozenset(
    {
        "execute_workflow",
        "execute_definition",
        "execute_async",
        "execute_workflow_or_definition",
        "run_workflow",
        "test_node_type",
        "test_workflow",
        "run_cases",
        "replay_run",
        "retry_run",
        "trigger_schedule",
        "backfill_schedule",
        "ingest",
        "chat",
        "complete",
        "respond",
        "call_mcp",
    }
)
