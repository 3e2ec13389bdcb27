"""The dashboard and the alert rules ask for metrics and labels that the server exports."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from fakes.places import ROOT
from flowc.server.numbers.metrics import Metrics

FOLDER = ROOT / "server" / "monitoring"
# Prometheus adds them to what it reads.
ADDED = {"job", "instance", "le"}
# What a name of a histogram ends with.
PARTS = ("_bucket", "_count", "_sum")


def exported() -> Mapping[str, set[str]]:
    """Return the labels of each exported metric, by each of its names."""
    found: dict[str, set[str]] = {}
    for each in Metrics().described:
        parts = PARTS if each.kind == "histogram" else ("",)
        found |= {f"{each.name}{part}": set(each.labels) for part in parts}
    return found


def queries() -> Iterator[str]:
    dashboard = json.loads((FOLDER / "grafana-dashboard.json").read_text())
    for panel in dashboard["panels"]:
        yield from (target["expr"] for target in panel["targets"])
    for variable in dashboard["templating"]["list"]:
        yield str(variable["query"])
    for rule in rules():
        yield rule["expr"]


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((FOLDER / "prometheus-alerts.yaml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def names_in(query: str) -> set[str]:
    return set(re.findall(r"\b(?:flowc|process)_[a-z_]+", query))


@pytest.mark.parametrize("query", list(dict.fromkeys(queries())))
def test_each_query_names_metrics_and_labels_that_are_exported(query: str) -> None:
    own = exported()
    text = Metrics().text().decode()
    for name in names_in(query):
        assert name in own or f"\n{name} " in text, name
    for name, matchers in re.findall(r"((?:flowc|process)_[a-z_]+)\{([^}]*)\}", query):
        asked = set(re.findall(r'(\w+)\s*(?:=~|!~|!=|=)\s*"', matchers))
        assert asked <= own.get(name, set()) | ADDED, query
    grouped = {
        label for group in re.findall(r"by \(([^)]*)\)", query) for label in group.split(", ")
    }
    known = set().union(*(own.get(name, set()) for name in names_in(query)))
    assert grouped <= known | ADDED, query


def test_the_dashboard_shows_every_metric() -> None:
    asked = {name for query in queries() for name in names_in(query)}
    shown = {each.removesuffix(part) for each in asked for part in PARTS} | asked
    assert {each.name for each in Metrics().described} <= shown


def test_each_alert_has_a_name_of_its_own_a_severity_and_a_summary() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(set(names)) == len(names) > 5
    for rule in rules():
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert rule["annotations"]["summary"]
        labels = set(re.findall(r"\$labels\.(\w+)", json.dumps(rule["annotations"])))
        own = set().union(*(exported().get(name, set()) for name in names_in(rule["expr"])))
        assert labels <= own | ADDED
