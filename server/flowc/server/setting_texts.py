"""Reads the settings that are lists or mappings from the texts of their variables."""

from ipaddress import ip_address
from typing import Any


def egress_rules(value: Any) -> Any:
    """Read networks with the ports that may be dialled in them; no ports means all.

    >>> egress_rules("127.0.0.1:11434, 127.0.0.1:80, 10.0.0.0/8, ::1, [::1]:80")
    {'127.0.0.1': [11434, 80], '10.0.0.0/8': [], '::1': [80]}
    """
    if not isinstance(value, str):
        return value
    rules: dict[str, list[int]] = {}
    for rule in filter(None, (part.strip() for part in value.split(","))):
        host, colon, port = rule.rpartition(":")
        has_port = bool(colon) and port.isdigit() and "/" not in port and not _is_address(rule)
        network = host.strip("[]") if has_port else rule.strip("[]")
        ports = rules.setdefault(network, [])
        ports += [int(port)] if has_port else []
    return rules


def limits_by_name(value: Any) -> Any:
    """Read numbers by node type; the field's own type checks them.

    >>> limits_by_name("llm:8, http:20")
    {'llm': '8', 'http': '20'}
    """
    if not isinstance(value, str):
        return value
    pairs = [part.rpartition(":") for part in value.split(",") if part.strip()]
    return {name.strip(): limit.strip() for name, _, limit in pairs}


def words(value: Any) -> Any:
    """Read a list that is separated by commas.

    >>> words("langfuse, posthog")
    ['langfuse', 'posthog']
    """
    return [word.strip() for word in value.split(",")] if isinstance(value, str) else value


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
