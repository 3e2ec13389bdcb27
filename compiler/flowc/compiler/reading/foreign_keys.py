"""Finds what the keys of other workflow languages are called in a definition here."""

from collections.abc import Collection, Mapping
from typing import Any

# The keys that are meant by keys of other languages; the first that the part has is meant.
_MEANT: Mapping[str, tuple[str, ...]] = {
    "from": ("source",),
    "to": ("target",),
    "src": ("source",),
    "dest": ("target",),
    "destination": ("target",),
    "sourceHandle": ("branch",),
    "when": ("branch",),
    "condition": ("branch",),
    "label": ("branch", "name"),
    "title": ("name",),
    "desc": ("description",),
    "kind": ("type",),
    "uses": ("type",),
    "needs": ("depends_on",),
    "after": ("depends_on",),
    "requires": ("depends_on",),
    "dependsOn": ("depends_on",),
    "dependencies": ("depends_on",),
    "parameters": ("config",),
    "params": ("config", "query"),
    "inputs": ("input", "config"),
    "with": ("config",),
    "args": ("config",),
    "data": ("config", "body"),
    "settings": ("config",),
    "options": ("config",),
    "retries": ("max_retries",),
    "maxRetries": ("max_retries",),
    "maxTries": ("max_retries", "max_attempts"),
    "max_tries": ("max_retries",),
    "retry_count": ("max_retries",),
    "retryOnFail": ("max_retries",),
    "retryDelay": ("retry_delay",),
    "waitBetweenTries": ("retry_delay", "initial_delay"),
    "timeoutSeconds": ("timeout_seconds",),
    "outputs": ("output",),
    "vars": ("variables",),
    "environment": ("env",),
    "environment_variables": ("env",),
    "state": ("variables",),
    "connections": ("edges",),
    "links": ("edges",),
    "tasks": ("nodes", "steps"),
    "jobs": ("nodes", "steps"),
    "max_iterations": ("max_turns",),
    "maxIterations": ("max_turns",),
    "maxLoopCount": ("max_turns",),
    "loop_count": ("max_turns",),
    "recursion_limit": ("max_turns",),
    "maxConcurrency": ("max_parallel",),
    "MaxConcurrency": ("max_parallel",),
    "concurrencyLimit": ("max_parallel",),
    "parallelism": ("max_parallel",),
    "parallel_nums": ("max_parallel",),
    "batchSize": ("batch_size",),
    "MaxItemsPerBatch": ("batch_size",),
    "items_per_batch": ("batch_size",),
    "batchInterval": ("interval",),
    "batch_interval": ("interval",),
    "pause_between": ("interval",),
    "output_selector": ("select",),
    "ResultSelector": ("select",),
    "output": ("select",),
    "max_turns": ("max_turns", "max_iterations"),
    "duration": ("for",),
    "seconds": ("for",),
    "delay": ("for", "initial_delay"),
    "amount": ("for",),
    "sleep": ("for",),
    "timestamp": ("until",),
    "datetime": ("until",),
    "SecondsPath": ("until",),
    "event": ("signal",),
    "event_name": ("signal",),
    "webhook": ("signal",),
    "events": ("any",),
    "signals": ("any",),
    "listen": ("any",),
    "correlate": ("key",),
    "correlationKey": ("key",),
    "correlation_id": ("key",),
    "filter": ("where",),
    "match": ("where",),
    "required_events": ("stop_when",),
    "quorum": ("stop_when",),
    "assignments": ("variables",),
    "assign": ("variables",),
    "values": ("variables",),
    "expected": ("expect",),
    "compare": ("expect",),
    "if_equals": ("expect",),
    "features": ("chat",),
    "opening_statement": ("chat",),
    "suggested_questions": ("chat",),
    "conversation_starters": ("chat",),
    "continueOnFail": ("on_error",),
    "onError": ("on_error",),
    "key": ("id",),
    "categories": ("labels",),
    "classes": ("labels",),
    "scenarios": ("labels",),
    "uri": ("url",),
    "endpoint": ("url",),
    "verb": ("method",),
    "json": ("body",),
    "payload": ("body",),
    "qs": ("query",),
    "queryParameters": ("query",),
    "query_params": ("query",),
    "authentication": ("auth",),
    "authorization": ("auth", "credential"),
    "response_format": ("read_as",),
    "responseFormat": ("read_as",),
    "response_type": ("read_as",),
    "responseType": ("read_as",),
    "content_type": ("body_type",),
    "contentType": ("body_type",),
    "paginate": ("pagination",),
    "paging": ("pagination",),
    "cookie_jar": ("keep_cookies",),
    "cookieJar": ("keep_cookies",),
    "follow_redirects": ("max_redirects",),
    "followRedirects": ("max_redirects",),
    "allow_redirects": ("max_redirects",),
    "ErrorEquals": ("on",),
    "IntervalSeconds": ("initial_delay",),
    "BackoffRate": ("backoff",),
    "MaxAttempts": ("max_attempts",),
    "MaxDelaySeconds": ("max_delay",),
    "JitterStrategy": ("jitter",),
    "maxAttempt": ("max_attempts",),
    "max_retries": ("max_attempts",),
    "count": ("max_attempts",),
    "limit": ("max_attempts",),
    "interval": ("initial_delay",),
    "retry_interval": ("initial_delay",),
    "maxInterval": ("max_delay",),
    "delayFactor": ("backoff",),
    "multiplier": ("backoff",),
    "exponential": ("backoff",),
    "retry_if": ("when",),
    "exceptWhen": ("when",),
    "errors": ("on", "on_failure", "catch_on"),
    "status_codes": ("on",),
    "error_workflow": ("on_failure",),
    "errorWorkflow": ("on_failure",),
    "failure_module": ("on_failure",),
    "onFailure": ("on_failure",),
    "allowFailure": ("on_error",),
    "continue_on_error": ("on_error",),
    "error_strategy": ("on_error",),
    "try": ("body",),
    "do": ("body",),
    "except": ("catch",),
    "rescue": ("catch",),
    "ensure": ("finally",),
    "always": ("finally",),
}
_FORM = "Write `body: {…}` with `body_type: form`."
_PARTS = "Write `body: {…}` with `body_type: multipart`; a file in it is `{file: ID}`."
_CHECKED = "Certificates are always checked; the operator can name a CA in FLOWC_CA_FILE."
# What to write for keys that none here stands for alone, where a part has the key that is named.
_ADVICE: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys(("form", "form_data", "form_urlencoded"), ("body_type", _FORM)),
    **dict.fromkeys(("files", "formData", "multipart", "attachments"), ("body_type", _PARTS)),
    **dict.fromkeys(
        ("verify", "verify_ssl", "verifySsl", "ignore_ssl", "insecure", "rejectUnauthorized",
         "allowUnauthorizedCerts", "skip_tls_verify"),
        ("max_redirects", _CHECKED),
    ),
}  # fmt: skip


def meant_key(key: str, known: Collection[str]) -> str | None:
    """Return the key of a part that a key of another language means.

    >>> meant_key("from", {"source", "target"}), meant_key("inputs", {"id", "type", "config"})
    ('source', 'config')
    """
    return next((word for word in _MEANT.get(key, ()) if word in known), None)


def is_meant(missing: str, data: Any, known: Collection[str]) -> bool:
    """Return whether a part has another language's key in place of this missing one."""
    return isinstance(data, dict) and any(
        key not in known and meant_key(str(key), known) == missing for key in data
    )


def key_hint(key: str, value: Any, known: Collection[str]) -> str | None:
    """Return what to write instead of a key that a part does not have, if it is recognised.

    A key beside `config` that is like no option of nodes belongs into the configuration.

    >>> key_hint("prompt", "Hi", {"id", "type", "config"})
    'Move it into `config`: {prompt: Hi}.'
    """
    meant = meant_key(key, known)
    if meant is not None:
        return f"Write `{meant}`."
    beside, advice = _ADVICE.get(key, ("", ""))
    if beside in known:
        return advice
    if "config" not in known or "type" not in known:
        return None
    place = "config" if "id" in known else "input"
    shown = f"{value}" if isinstance(value, (str, int, float)) else "…"
    shown = shown if len(shown) < 40 and ":" not in shown and "{" not in shown else "…"
    return f"Move it into `{place}`: {{{key[:60]}: {shown}}}."
