"""The chart renders to valid objects of Kubernetes, which fit together and have no more rights than they need."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from fakes.deployment import DEPLOYMENT, SETTINGS, require_command, run, tool
from fakes.places import ROOT
from flowc.server.numbers.metrics import Metrics

CHART = DEPLOYMENT / "helm" / "flowc"
VERSIONS = ["1.29", "1.33", "1.37"]
ALL: dict[str, Any] = {
    "worker": {"autoscaling": {"enabled": True}, "nodeSelector": {"a": "b"}},
    "server": {
        "works": False,
        "podAnnotations": {"a": "b"},
        "tolerations": [{"operator": "Exists"}],
    },
    "ingress": {
        "enabled": True,
        "className": "nginx",
        "tlsSecret": "tls",
        "annotations": {"a": "b"},
    },
    "adminKey": {"existingSecret": "flowc-admin"},
    "secretSettings": {"existingSecret": "flowc-settings"},
    "metrics": {"podMonitor": {"enabled": True}},
    "networkPolicy": {"from": [{"namespaceSelector": {}}], "egress": [{"ports": [{"port": 9000}]}]},
    "imagePullSecrets": [{"name": "registry"}],
    "image": {"digest": f"sha256:{'0' * 64}"},
    "settings": {"FLOWC_RUN_SLOTS": 10, "FLOWC_WARM_MODELS": False},
    "allowedHosts": ["flowc.internal"],
}
NONE: dict[str, Any] = {"migrations": {"enabled": False}, "networkPolicy": {"enabled": False}}


def asked(values: dict[str, Any]) -> Any:
    python = tool("bin/python")
    question = {"chart": str(CHART), "values": values, "versions": VERSIONS}
    script = ROOT / "tests" / "server" / "deployment" / "render_chart.py"
    done = run(python, script, stdin=json.dumps(question))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def default() -> Any:
    return asked({})


@pytest.fixture(scope="module")
def everything() -> Any:
    return asked(ALL)


def objects(rendered: Any, kind: str = "") -> list[Any]:
    found = [each for things in rendered["files"].values() for each in things]
    return [each for each in found if not kind or each["kind"] == kind]


def pods(rendered: Any) -> Iterator[Any]:
    for each in objects(rendered, "Deployment") + objects(rendered, "Job"):
        yield each["spec"]["template"]


def container(pod: Any) -> Any:
    [found] = pod["spec"]["containers"]
    return found


def test_the_linter_finds_nothing(default: Any) -> None:
    found = [each["error"] for each in default["linted"]["messages"]]
    assert default["linted"]["errors"] == [] and found == ["icon is recommended"]


def test_the_objects_are_valid_for_kubernetes(default: Any, everything: Any) -> None:
    assert default["wrong"] == {}
    # It is of the Prometheus operator.
    assert set(everything["wrong"]) == {"monitor.yaml PodMonitor"}
    least = asked(NONE)
    assert (
        least["wrong"] == {} and not objects(least, "Job") and not objects(least, "NetworkPolicy")
    )


def test_wrong_values_are_refused() -> None:
    for values in (
        {"sever": {}},
        {"server": {"replicas": 0}},
        {"image": {"repository": "x", "digest": "sha256:1"}},
        {"settings": {"FLOWC_DATABASE_URL": "postgresql://x"}},
        {"database": {"existingSecret": ""}},
    ):
        assert "refused" in asked(values), values
        if values == {"server": {"replicas": 0}}:
            assert "replicas" in asked(values)["refused"]


def test_each_pod_is_without_rights_on_a_read_only_file_system(everything: Any) -> None:
    found = list(pods(everything))
    assert len(found) == 3
    for pod in found:
        spec, own = pod["spec"], container(pod)
        security = spec["securityContext"]
        assert security["runAsNonRoot"] is True and security["runAsUser"] == 10001
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["automountServiceAccountToken"] is False
        assert own["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"/data", "/tmp"} <= {each["mountPath"] for each in own["volumeMounts"]}
        assert {each["name"] for each in own["volumeMounts"]} == {
            each["name"] for each in spec["volumes"]
        }
        assert own["resources"]["limits"]["memory"] and "cpu" not in own["resources"]["limits"]
        assert own["image"].endswith(f"@{ALL['image']['digest']}")
        require_command(own["args"])


def test_servers_and_workers_are_probed_under_a_name_that_they_have(default: Any) -> None:
    for each in objects(default, "Deployment"):
        own = container(each["spec"]["template"])
        paths = {
            name: own[name]["httpGet"]["path"]
            for name in ("startupProbe", "livenessProbe", "readinessProbe")
        }
        assert paths == {
            "startupProbe": "/ping", "livenessProbe": "/ping", "readinessProbe": "/health",
        }  # fmt: skip
        for name in paths:
            assert own[name]["httpGet"]["httpHeaders"] == [{"name": "Host", "value": "localhost"}]
        given = {each["name"]: each.get("value") for each in own["env"]}
        is_worker = own["args"] == ["worker"]
        assert is_worker == each["metadata"]["name"].endswith("-worker")
        [port] = own["ports"]
        assert given.get("FLOWC_METRICS_PORT") == (
            str(port["containerPort"]) if is_worker else None
        )
        # Prometheus calls a pod by its address.
        hosts = {each["name"]: each.get("value") for each in own["env"]}["FLOWC_ALLOWED_HOSTS"]
        assert hosts.split(",")[0] == "$(POD_IP)" and own["env"][0]["name"] == "POD_IP"


def test_selectors_and_references_meet(everything: Any) -> None:
    deployments = {each["metadata"]["name"]: each for each in objects(everything, "Deployment")}
    labels = {
        name: each["spec"]["template"]["metadata"]["labels"] for name, each in deployments.items()
    }

    def selected(selector: dict[str, str]) -> set[str]:
        return {name for name, known in labels.items() if selector.items() <= known.items()}

    for name, each in deployments.items():
        assert selected(each["spec"]["selector"]["matchLabels"]) == {name}
    [service] = objects(everything, "Service")
    assert selected(service["spec"]["selector"]) == {"demo-flowc-server"}
    assert service["spec"]["ports"][0]["targetPort"] == "http"
    budgets = [
        each["spec"]["selector"]["matchLabels"]
        for each in objects(everything, "PodDisruptionBudget")
    ]
    assert [selected(each) for each in budgets] == [{"demo-flowc-server"}, {"demo-flowc-worker"}]
    [policy] = objects(everything, "NetworkPolicy")
    assert selected(policy["spec"]["podSelector"]["matchLabels"]) == set(deployments)
    [ingress] = objects(everything, "Ingress")
    backend = ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
    assert backend == {"name": service["metadata"]["name"], "port": {"name": "http"}}
    [scaler] = objects(everything, "HorizontalPodAutoscaler")
    assert scaler["spec"]["scaleTargetRef"]["name"] == "demo-flowc-worker"
    assert "replicas" not in deployments["demo-flowc-worker"]["spec"]
    [settings] = objects(everything, "ConfigMap")
    for each in deployments.values():
        own = container(each["spec"]["template"])
        assert own["envFrom"][0] == {"configMapRef": {"name": settings["metadata"]["name"]}}
        assert own["envFrom"][1] == {"secretRef": {"name": "flowc-settings"}}


def test_it_scales_on_a_metric_that_the_server_exports(everything: Any) -> None:
    [scaler] = objects(everything, "HorizontalPodAutoscaler")
    [metric] = scaler["spec"]["metrics"]
    assert metric["external"]["metric"]["name"] in {each.name for each in Metrics().described}


def test_every_setting_is_one_of_the_server(everything: Any) -> None:
    [settings] = objects(everything, "ConfigMap")
    assert settings["data"] == {
        "FLOWC_LOG_FORMAT": "json", "FLOWC_RUN_SLOTS": "10", "FLOWC_WARM_MODELS": "false",
    }  # fmt: skip
    for pod in pods(everything):
        own = {each["name"] for each in container(pod)["env"]} - {"POD_IP"}
        assert own | set(settings["data"]) <= SETTINGS


def test_the_tables_are_made_before_the_servers_start(default: Any) -> None:
    [job] = objects(default, "Job")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    assert container(job["spec"]["template"])["args"] == ["migrate"]
    # What is made with the release is not there yet.
    own = json.dumps(job["spec"])
    assert "configMapRef" not in own and "serviceAccountName" not in own


def test_the_network_lets_no_one_in_but_to_the_servers_port(default: Any) -> None:
    [policy] = objects(default, "NetworkPolicy")
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    [rule] = policy["spec"]["ingress"]
    assert rule == {"ports": [{"port": "http"}], "from": [{"podSelector": {}}]}
    internet = policy["spec"]["egress"][-1]
    assert internet["to"][0]["ipBlock"]["except"] == ["169.254.0.0/16"]


def test_an_administrator_gets_a_key(default: Any, everything: Any) -> None:
    assert "exec POD -- cat /data/admin-key" in default["notes"]
    assert "admin-key" not in everything["notes"]
    for each in objects(everything, "Deployment"):
        mounts = container(each["spec"]["template"])["volumeMounts"]
        assert {
            "name": "admin-key",
            "mountPath": "/data/admin-key",
            "subPath": "admin-key",
            "readOnly": True,
        } in mounts


def test_the_chart_has_the_version_of_the_project() -> None:
    from importlib.metadata import version

    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["appVersion"] == version("flowc")
