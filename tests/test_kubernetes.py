"""The manifests: Kubernetes takes them, and they hold what a process of ours needs to be safe."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

import settings.gateway
import settings.worker
from settings.worker import WorkerSettings
from tests.tiers import detail

ROOT = Path(__file__).resolve().parent.parent
A_DIGEST = "sha256:" + "0" * 64
CALLER = {"GATEWAY_CALLER__ERP__TOKENS": A_DIGEST, "GATEWAY_CALLER__ERP__MAY": "read"}
FOLDER = ROOT / "deploy" / "kubernetes"
SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
VERSIONS = ("1.34", "1.37")
"""The oldest and the newest Kubernetes that they are held against."""
APART = {"kustomization.yaml", "check.yaml", "temporal-schema.yaml"}
"""What `kubectl apply -k` leaves alone: itself, and what is applied by itself."""

Manifest = dict[str, Any]


def _all() -> dict[str, Manifest]:
    """Every object, by kind and name."""
    files = [path for path in sorted(FOLDER.glob("*.yaml")) if path.name != "kustomization.yaml"]
    objects = [each for path in files for each in yaml.safe_load_all(path.read_text())]
    named = {f"{each['kind']}/{each['metadata']['name']}": each for each in objects}
    assert len(named) == len(objects)
    return named


ALL = _all()
PODS: dict[str, Manifest] = {
    name: each["spec"]["template"]
    for name, each in ALL.items()
    if "template" in each.get("spec", {})
}
OURS = {name: pod for name, pod in PODS.items() if not name.startswith("Job/temporal-")}
SERVERS = {name: pod for name, pod in PODS.items() if name.startswith("Deployment/")}

each_pod = pytest.mark.parametrize("name", PODS)
each_of_ours = pytest.mark.parametrize("name", OURS)
each_server = pytest.mark.parametrize("name", SERVERS)


def container(name: str) -> Manifest:
    """The one that a pod has."""
    (only,) = PODS[name]["spec"]["containers"]
    found: Manifest = only
    return found


def selected(pod: Manifest, selector: Manifest) -> bool:
    """Whether the pod has these labels."""
    labels = pod["metadata"]["labels"]
    wanted = selector.get("matchLabels", {})
    listed = selector.get("matchExpressions", ())
    return wanted.items() <= labels.items() and all(
        labels.get(each["key"]) in each["values"] for each in listed
    )


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ALL)
def test_kubernetes_takes_it(name: str, version: str) -> None:
    kubernetes_validate.validate(ALL[name], version, strict=True)


def test_a_word_that_kubernetes_does_not_know_is_noticed() -> None:
    spec = {**ALL["Service/invoicing-gateway"]["spec"], "selectors": {}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(
            {**ALL["Service/invoicing-gateway"], "spec": spec}, VERSIONS[-1], strict=True
        )


def test_every_file_is_applied_or_said_to_be_applied_by_itself() -> None:
    listed = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())["resources"]
    assert {path.name for path in FOLDER.glob("*.yaml")} == {*listed, *APART}


@each_pod
def test_a_pod_can_change_nothing_around_it_and_takes_what_it_was_given(name: str) -> None:
    spec, only = PODS[name]["spec"], container(name)
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False
    assert only["securityContext"]["allowPrivilegeEscalation"] is False
    assert only["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert only["resources"]["requests"].keys() == only["resources"]["limits"].keys()
    assert re.fullmatch(r"[a-z0-9./-]+:\d+\.\d+\.\d+", only["image"])


@each_of_ours
def test_our_pods_write_nowhere_but_into_a_bounded_folder(name: str) -> None:
    assert container(name)["securityContext"]["readOnlyRootFilesystem"] is True
    spec = PODS[name]["spec"]
    writable = [each for each in container(name)["volumeMounts"] if not each.get("readOnly")]
    assert [each["mountPath"] for each in writable] == ["/tmp"]  # noqa: S108
    (folder,) = [each for each in spec["volumes"] if "emptyDir" in each]
    assert folder["emptyDir"]["sizeLimit"]
    user = re.search(r"--uid (\d+)", (ROOT / "Dockerfile").read_text())
    assert user
    assert spec["securityContext"]["runAsUser"] == int(user[1])


@each_of_ours
def test_a_secret_is_a_file_that_is_mounted_and_never_a_value(name: str) -> None:
    mounted = [each["mountPath"] for each in container(name)["volumeMounts"]]
    for each in container(name)["env"]:
        secret = re.search(r"PASSWORD|SECRET|TOKEN|KEYS?(_|$)", each["name"])
        assert each["name"].endswith("_FILE") == bool(secret), each["name"]
        if secret:
            folder, _, file = each["value"].rpartition("/")
            assert folder in mounted
            assert file == each["name"].removesuffix("_FILE")
    assert "Secret" not in {each["kind"] for each in ALL.values()}


@each_of_ours
def test_every_variable_is_one_that_its_process_reads(name: str) -> None:
    told = {
        each["name"].removesuffix("_FILE"): each.get("value", "1")
        for each in container(name)["env"]
    }
    told |= ALL["ConfigMap/invoicing"]["data"]
    assert settings.worker.misspelt(told) == {}
    gateway = {each: value for each, value in told.items() if each.startswith("GATEWAY_")}
    if gateway:
        tokens = {each: A_DIGEST for each in gateway if each.endswith("TOKENS")}
        assert settings.gateway.read({**gateway, **tokens}).host == "0.0.0.0"  # noqa: S104


def test_each_runs_what_compose_runs() -> None:
    commands = {each: container(each)["command"] for each in PODS}
    assert commands["Deployment/worker-0-1-0"] == SERVICES["worker"]["command"]
    assert commands["Deployment/gateway"] == SERVICES["gateway"]["command"]
    assert commands["Job/prepare-0-1-0"] == SERVICES["temporal-namespace"]["command"]
    schema = container("Job/temporal-schema-1-32-0")
    of_compose = SERVICES["temporal-schema"]
    assert schema["image"] == of_compose["image"]
    (script,), (other,) = schema["args"], of_compose["command"]
    assert script == other.replace("$$", "$")
    names = {each["name"] for each in schema["env"]} | ALL["ConfigMap/temporal-database"][
        "data"
    ].keys()
    assert names == of_compose["environment"].keys()


def test_a_worker_gets_longer_than_its_grace_and_is_asked_as_compose_asks() -> None:
    pod = PODS["Deployment/worker-0-1-0"]
    assert pod["spec"]["terminationGracePeriodSeconds"] >= WorkerSettings().grace + 20
    check = SERVICES["worker"]["healthcheck"]["test"][1:]
    worker = container("Deployment/worker-0-1-0")
    assert worker["readinessProbe"]["exec"]["command"] == check
    assert worker["startupProbe"]["exec"]["command"] == check
    assert "exec" not in worker["livenessProbe"], "Temporal away is no reason to restart a worker"
    assert pod["metadata"]["labels"]["build"] in worker["image"]


def test_a_gateway_gets_longer_than_its_pause_and_its_grace() -> None:
    gateway = container("Deployment/gateway")
    pause = int(
        re.findall(r"sleep\((\d+)\)", gateway["lifecycle"]["preStop"]["exec"]["command"][-1])[0]
    )
    grace = settings.gateway.read(CALLER).grace
    assert PODS["Deployment/gateway"]["spec"]["terminationGracePeriodSeconds"] > pause + grace
    assert gateway["livenessProbe"]["httpGet"]["path"] == "/health"
    assert gateway["readinessProbe"]["httpGet"]["path"] == "/ready"


@each_server
def test_a_server_is_never_wholly_away(name: str) -> None:
    pod, spec = SERVERS[name], ALL[name]["spec"]
    assert spec["replicas"] >= 2
    assert spec["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert selected(pod, spec["selector"])
    budgets = [each for each in ALL.values() if each["kind"] == "PodDisruptionBudget"]
    (budget,) = [each for each in budgets if selected(pod, each["spec"]["selector"])]
    assert budget["spec"]["maxUnavailable"] == 1


@each_of_ours
def test_nobody_gets_in_or_out_but_as_a_policy_says(name: str) -> None:
    policies = [each["spec"] for each in ALL.values() if each["kind"] == "NetworkPolicy"]
    (policy,) = [each for each in policies if selected(OURS[name], each["podSelector"])]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    ports = {port["containerPort"] for port in container(name).get("ports", ())}
    let_in = {port["port"] for rule in policy.get("ingress", ()) for port in rule["ports"]}
    assert let_in == ports
    assert all("from" in rule for rule in policy.get("ingress", ()))
    out = {port["port"] for rule in policy["egress"] for port in rule["ports"]}
    temporal = int(ALL["ConfigMap/invoicing"]["data"]["TEMPORAL_ADDRESS"].rpartition(":")[2])
    providers = {443} if name == "Deployment/worker-0-1-0" else set()
    assert out == {53, temporal, *providers}, "providers are called by workers alone"


@detail
def test_the_service_leads_to_the_gateway() -> None:
    spec = ALL["Service/invoicing-gateway"]["spec"]
    assert selected(SERVERS["Deployment/gateway"], {"matchLabels": spec["selector"]})
    (port,) = spec["ports"]
    assert port["targetPort"] in {each["name"] for each in container("Deployment/gateway")["ports"]}
