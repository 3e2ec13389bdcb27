"""The Compose file is valid, its parts fit together, and none of them has more rights than it needs."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from fakes.deployment import DEPLOYMENT, SETTINGS, read, require_command, run_tool
from fakes.places import ROOT

FILE = DEPLOYMENT / "compose.yaml"
COMPOSE: dict[str, Any] = yaml.safe_load(FILE.read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
BY_NAME = pytest.mark.parametrize("name", SERVICES)
OURS = [name for name, service in SERVICES.items() if service["image"].startswith("flowc:")]


def test_it_is_as_the_specification_of_compose_says(tmp_path: Path) -> None:
    command = ("bin/check-jsonschema", "--builtin-schema", "vendor.compose-spec")
    done = run_tool(*command, FILE)
    assert done.returncode == 0, done.stdout
    wrong = tmp_path / "compose.yaml"
    wrong.write_text(FILE.read_text().replace("restart: unless-stopped", "restarts: always"))
    assert run_tool(*command, wrong).returncode == 1


def test_it_has_what_a_server_with_two_workers_needs() -> None:
    assert set(SERVICES) == {
        "migrate", "server", "worker", "postgres", "redis", "prometheus", "grafana",
    }  # fmt: skip
    assert SERVICES["worker"]["deploy"]["replicas"] == 2
    assert SERVICES["postgres"]["image"].startswith("pgvector/pgvector:")


@BY_NAME
def test_a_service_cannot_write_to_its_image_or_get_rights(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True and service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "pid", "network_mode", "devices"} & set(service)
    assert set(service.get("cap_add", [])) <= {
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "SETGID",
        "SETUID",
    }
    assert all(each.startswith("127.0.0.1:") for each in service.get("ports", []))
    assert not re.search(r":latest$|^[^:]+$", service["image"])


@BY_NAME
def test_what_a_service_names_is_there(name: str) -> None:
    service = SERVICES[name]
    assert set(service["networks"]) <= set(COMPOSE["networks"])
    assert set(service.get("secrets", [])) <= set(COMPOSE["secrets"])
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        if source.startswith("."):
            assert volume.endswith(":ro") and (DEPLOYMENT / source).is_file(), volume
        else:
            assert source in COMPOSE["volumes"], volume
    for other, how in service.get("depends_on", {}).items():
        if how["condition"] == "service_healthy":
            # The image of flowc has a check of its own.
            assert "test" in SERVICES[other].get("healthcheck", {"test": other == "server"})
        assert set(service["networks"]) & set(SERVICES[other]["networks"])


@pytest.mark.parametrize("name", OURS)
def test_our_services_wait_for_the_database_and_set_what_is_a_setting(name: str) -> None:
    service = SERVICES[name]
    assert service["depends_on"]["postgres"] == {"condition": "service_healthy"}
    assert set(service["environment"]) <= SETTINGS
    if "command" in service:
        require_command(service["command"])
    assert (DEPLOYMENT / service["build"]["context"]).resolve() == ROOT
    assert (ROOT / service["build"]["dockerfile"]).is_file()


def test_what_must_be_set_is_in_the_example_and_nothing_secret_is_written_down() -> None:
    text = FILE.read_text()
    required = set(re.findall(r"\$\{(\w+):\?", text))
    example = (DEPLOYMENT / "env.example").read_text()
    assert required == set(re.findall(r"^(\w+)=$", example, re.MULTILINE))
    assert set(re.findall(r"\$\{(\w+)", text)) - required - {"FLOWC_TAG"} == set(
        re.findall(r"^# (\w+)=", example, re.MULTILINE)
    )
    for line in text.splitlines():
        if re.search(r"PASSWORD: ", line):
            assert "${" in line, line


def test_prometheus_reads_the_server_under_the_name_of_the_alerts() -> None:
    config = read("compose/prometheus.yaml")
    [job] = config["scrape_configs"]
    alerts = (ROOT / "server/monitoring/prometheus-alerts.yaml").read_text()
    assert f'up{{job="{job["job_name"]}"}}' in alerts
    [workers] = job["dns_sd_configs"]
    assert workers["names"] == ["worker"]
    port = SERVICES["worker"]["environment"]["FLOWC_METRICS_PORT"]
    assert (workers["type"], str(workers["port"])) == ("A", port)
    assert set(SERVICES["worker"]["networks"]) & set(SERVICES["prometheus"]["networks"])
    [target] = job["static_configs"][0]["targets"]
    assert target.split(":")[0] in SERVICES["server"]["environment"]["FLOWC_ALLOWED_HOSTS"].split(
        ","
    )
    mounts = [each.split(":")[1] for each in SERVICES["prometheus"]["volumes"]]
    assert set(config["rule_files"]) <= set(mounts)
    assert (
        job["authorization"]["credentials_file"]
        == f"/run/secrets/{SERVICES['prometheus']['secrets'][0]}"
    )


def test_grafana_finds_the_dashboard_and_its_data() -> None:
    mounts = {each.split(":")[1]: each.split(":")[0] for each in SERVICES["grafana"]["volumes"]}
    [provider] = read("compose/grafana/dashboards.yaml")["providers"]
    [dashboard] = [inside for inside in mounts if inside.startswith(provider["options"]["path"])]
    assert json.loads((DEPLOYMENT / mounts[dashboard]).read_text())["uid"] == "flowc"
    [source] = read("compose/grafana/datasources.yaml")["datasources"]
    assert source["type"] == "prometheus" and source["url"] == "http://prometheus:9090"
