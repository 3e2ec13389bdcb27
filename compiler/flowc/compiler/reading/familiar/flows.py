"""Triggers, delays, variables, sub-workflows and connectors as other tools describe them."""

from typing import Any

from flowc.compiler.reading.familiar.durations import duration_here, unit_seconds
from flowc.compiler.reading.familiar.operators import literal
from flowc.compiler.reading.familiar.translation import Translation

_BY_PERSON = frozenset(
    {"manual", "api", "http", "chat", "form", "start", "user", "input", "on_demand"}
)
_OUTSIDE = frozenset({"schedule", "cron", "webhook", "event", "timer", "interval", "poll", "queue"})
_AMOUNTS = ("duration", "delay", "amount", "wait", "time", "sleep", "for", "value", "interval")


def read_trigger(found: Translation) -> None:
    """Translate a trigger; a schedule or webhook is made by the API, and a warning says so."""
    kind = str(
        found.take("trigger_type", "type", "kind", "trigger", "event_type", default="manual")
    ).lower()
    found.take("name", "title", "description", "enabled")
    written = [
        key
        for key in (
            "schedule",
            "cron",
            "cron_expression",
            "interval",
            "timezone",
            "path",
            "webhook_path",
            "method",
            "event",
            "event_name",
            "topic",
        )
        if found.has(key)
    ]
    for key in written:
        found.written.pop(key)
    known = {word: word for word in _BY_PERSON | _OUTSIDE}
    if kind not in known:
        hint = "Write manual, webhook, schedule or event."
        found.misfit(f"There is no kind of trigger {kind[:40]!r}.", hint, "trigger_type")
    elif kind in _OUTSIDE or written:
        is_hook = kind == "webhook" or any("path" in key for key in written)
        what, where = ("webhook", "webhooks") if is_hook else ("schedule", "schedules")
        if kind == "event" or "event" in written or "event_name" in written:
            what, where = "subscription to events", "triggers"
        message = f"A run begins here, but the definition makes no {what}."
        hint = f"Store the workflow, and make the {what} with POST /api/v1/{where}."
        found.warn("trigger-elsewhere", message, hint)


def read_delay(found: Translation) -> None:
    """Translate a duration with a unit, in milliseconds, or as ISO 8601."""
    if found.has("until", "signal") or "until" in found.config:
        return
    unit = found.take("unit", "units", "time_unit", "delay_unit")
    for key in list(found.written):
        word, _, rest = key.rpartition("_")
        bare = word if rest in {"duration", "delay"} else rest
        of_key = (
            unit_seconds(bare)
            if unit is None and word in {"", "delay", "duration", "wait", "sleep"}
            else None
        )
        if key in _AMOUNTS or of_key:
            given = found.written.pop(key)
            found.put("for", duration_here(given, unit if of_key is None else bare), key)
            return


def read_variable(found: Translation) -> str | None:
    """Translate what is done with variables: set, add to, append to, or get."""
    action = str(found.take("operation", "action", "mode", default="set")).lower()
    found.take("description", "title")
    if action in {"get", "read"}:
        name = found.take("name", "variable", "variable_name", "key")
        found.put("data", f"{{{{variables.{name}}}}}", "name")
        return "transform"
    given = dict(_assignments(found))
    changed = {name: _changed(found, action, name, value) for name, value in given.items()}
    if changed or not found.has("variables"):
        found.put("variables", changed)
        for name in changed:
            found.moved["variables", name] = ()
    return None


def _assignments(found: Translation) -> list[tuple[str, Any]]:
    """Return names and values, from one pair, from a list of pairs or from an object."""
    listed = found.take("assignments", "items", "values", "updates", "set")
    if listed is None and isinstance(found.written.get("variables"), list):
        listed = found.written.pop("variables")
    if isinstance(listed, dict):
        return list(listed.items())
    if isinstance(listed, list):
        return [pair for each in listed if isinstance(each, dict) for pair in [_pair(each)] if pair]
    named = found.take("name", "variable", "variable_name", "key")
    kind = found.take("type", "value_type", "data_type")
    if named is None:
        own = found.written.get("variables")
        if isinstance(own, dict):
            found.written.pop("variables")
            return list(own.items())
        return []
    default = found.take("default", "default_value", "initial_value")
    return [
        (
            str(named),
            _typed(found.take("value", "expression", "amount", "by", default=default), kind),
        )
    ]


def _pair(each: dict[str, Any]) -> tuple[str, Any] | None:
    name = next((each[key] for key in ("name", "variable", "key") if key in each), None)
    return (str(name), _typed(each.get("value"), each.get("type"))) if name is not None else None


def _typed(value: Any, kind: Any) -> Any:
    """Return a value of the declared type, if it is a text with a number or boolean in it."""
    if not isinstance(value, str) or "{{" in value:
        return value
    try:
        if kind in {"number", "float", "integer", "int"}:
            return float(value) if "." in value else int(value)
    except ValueError:
        return value
    return (
        {"true": True, "false": False}.get(value.lower(), value)
        if kind in {"boolean", "bool"}
        else value
    )


def _changed(found: Translation, action: str, name: str, value: Any) -> Any:
    now = f"variables.{name}"
    if action in {"increment", "add", "inc"}:
        return f"{{{{ {now} + {literal(1 if value is None else value)} }}}}"
    if action in {"decrement", "subtract", "dec"}:
        return f"{{{{ {now} - {literal(1 if value is None else value)} }}}}"
    if action in {"append", "push"}:
        return f"{{{{ {now} + [{literal(value)}] }}}}"
    if action in {"clear", "reset", "delete", "unset"}:
        return None
    if action not in {
        "set",
        "assign",
        "update",
        "create",
        "overwrite",
        "define",
        "declare",
        "write",
    }:
        hint = "Write set, get, increment, decrement, append or clear."
        found.misfit(f"There is no operation {action[:40]!r} on variables.", hint, "operation")
    return value


def read_sub_workflow(found: Translation) -> None:
    """Translate what is run; a sub-workflow is always waited for."""
    waits = found.take("wait", "wait_for_completion", "synchronous", "sync", default=True)
    runs_apart = found.take("async", "async_execution", "fire_and_forget", default=False)
    if waits is False or runs_apart is True:
        message = "A sub-workflow is always waited for."
        hint = (
            "To run a workflow beside this one, call POST /api/v1/workflows/ID/execute by `http`."
        )
        found.misfit(message, hint)
    for key in ("output_mapping", "outputs", "output"):
        if found.has(key):
            hint = "Its output is {{id.output}}; a `transform` after it can change the fields."
            found.refuse(key, f"{key!r} is not known here.", hint)


def read_connector(found: Translation) -> None:
    """Translate a connector's names; one without an OpenAPI document is refused with a hint."""
    kind = found.take(
        "connector_type",
        "connector",
        "service",
        "provider",
        "integration",
        "app",
        default="openapi",
    )
    name = str(kind).lower()
    if "document" not in found.config and "document" not in found.written and name != "openapi":
        message = f"There is no connector {name[:40]!r}."
        hint = "Write the service's OpenAPI 3 document as `document`, or call it by `http`."
        found.misfit(message, hint)
