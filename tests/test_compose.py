"""The deployment as far as it can be held against the repository without a container engine.

The files are read, and what they would run is run here: the set-up, the worker, a stand-in and the
health checks, each with the very arguments that docker-compose.yml gives.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import os
import re
import shlex
import socket
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client

import demo.accounts
import settings.accounts
import settings.callers
import settings.gateway
import settings.shared
import settings.worker
from gateway.tokens import written
from invoicing.provider import Hooks
from invoicing.state.attributes import SEARCH_ATTRIBUTES
from providers.registry import ADAPTORS
from sandbox.invoro import InvoroStandIn
from sandbox.kit.server import StandIn
from sandbox.mollie import MollieStandIn
from sandbox.quiddly import QuiddlyStandIn
from sandbox.riverty import RivertyStandIn
from sandbox.zero_friction import ZeroFrictionStandIn
from settings.gateway import GatewaySettings
from settings.worker import WorkerSettings
from temporal_server import Server, local_server
from tests.child import child
from tests.patience import LONG_ENOUGH
from tests.tiers import slow
from tests.tls import NO_TLS
from tests.worker_process import worker_process

ROOT = Path(__file__).resolve().parent.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
EXAMPLES = {
    name: (ROOT / f"{name}.example").read_text()
    for name in (".env", "deploy/worker.env", "deploy/gateway.env")
}
WORKER = EXAMPLES["deploy/worker.env"]
OURS = {name for name, service in SERVICES.items() if "build" in service}
ONE_SHOT = {"temporal-schema", "temporal-namespace", "register-database"}
STAND_INS = {name for name in SERVICES if name.startswith("stand-in-")}
VERSION = re.compile(r"[a-z0-9./-]+:\d+\.\d+(\.\d+)?[a-z0-9.-]*")

STAND_IN_OF: dict[str, type[StandIn]] = {
    "zero_friction": ZeroFrictionStandIn,
    "mollie": MollieStandIn,
    "invoro": InvoroStandIn,
    "quiddly": QuiddlyStandIn,
    "riverty": RivertyStandIn,
}

TOKEN = "t" * 32

each_service = pytest.mark.parametrize("name", SERVICES)


def variables(text: str, *, stand_ins: bool) -> dict[str, str]:
    """What an env file sets, with or without the lines that are kept for the stand-ins."""
    if stand_ins:
        text = text.replace("#: ", "")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


# --- docker-compose.yml ---------------------------------------------------------------------------


@each_service
def test_every_image_has_a_fixed_version(name: str) -> None:
    assert VERSION.fullmatch(SERVICES[name]["image"])


@each_service
def test_every_dependency_says_what_it_waits_for(name: str) -> None:
    for other, how in SERVICES[name].get("depends_on", {}).items():
        wanted = {"service_completed_successfully"} if other in ONE_SHOT else {"service_healthy"}
        assert {how["condition"]} == wanted
        if "service_healthy" in wanted:
            assert "test" in SERVICES[other]["healthcheck"]


@each_service
def test_every_service_has_a_health_check_or_ends_by_itself(name: str) -> None:
    service = SERVICES[name]
    if name in ONE_SHOT:
        assert service["restart"].startswith("on-failure")
        assert "test" not in service.get("healthcheck", {})
    else:
        assert service["restart"] == "unless-stopped"
        assert service["healthcheck"]["test"][0] == "CMD"


def test_ports_are_open_to_this_machine_alone_and_none_twice() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert set(Counter(port.rsplit(":", 1)[0] for port in ports).values()) == {1}


def test_the_database_can_be_reached_by_temporal_alone() -> None:
    inside = {
        name for name, service in SERVICES.items() if "database" in service.get("networks", ())
    }
    assert inside == {"postgresql", "temporal-schema", "temporal"}
    assert COMPOSE["networks"]["database"]["internal"] is True


def test_the_register_can_be_reached_by_who_keeps_and_who_reads_it_alone() -> None:
    inside = {
        name for name, service in SERVICES.items() if "register" in service.get("networks", ())
    }
    assert inside == {"postgresql", "register-database", "worker", "gateway"}
    assert COMPOSE["networks"]["register"]["internal"] is True
    # Without a password it is empty, which counts as not set.
    where = SERVICES["worker"]["environment"]["INVOICING_REGISTER_AT"]
    assert where == SERVICES["gateway"]["environment"]["INVOICING_REGISTER_AT"]
    assert where.startswith("${POSTGRES_REGISTER_PASSWORD:+postgresql://register:")
    assert settings.shared.register({"INVOICING_REGISTER_AT": ""}).register_at is None


def test_nobody_gets_at_the_database_from_outside() -> None:
    assert "ports" not in SERVICES["postgresql"]


def test_server_and_schema_are_of_one_version() -> None:
    versions = {SERVICES[name]["image"].split(":")[1] for name in ("temporal", "temporal-schema")}
    assert len(versions) == 1


@pytest.mark.parametrize("name", sorted(OURS))
def test_our_processes_can_change_nothing_around_them(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "privileged" not in service
    assert "user" not in service  # the image's own, which is not root


def test_secrets_come_from_env_files_and_go_to_who_needs_them() -> None:
    files = {name: service.get("env_file", ()) for name, service in SERVICES.items()}
    assert {name: [each["path"] for each in file] for name, file in files.items() if file} == {
        "worker": ["deploy/worker.env"],
        "gateway": ["deploy/gateway.env"],
    }
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|PWD|SECRET|TOKEN|KEYS?$", variable):
                assert value.startswith("${"), (name, variable)
                wanted = re.findall(r"\$\{(\w+)", value)
                assert set(wanted) <= set(variables(EXAMPLES[".env"], stand_ins=False))


def test_compose_changes_no_secret_on_its_way() -> None:
    """It puts variables in where a value has a $, and cuts off what follows a blank and a #."""
    for name in ("worker", "gateway"):
        assert {each["format"] for each in SERVICES[name]["env_file"]} == {"raw"}
        assert "taken as it stands" in EXAMPLES[f"deploy/{name}.env"]
    assert "single quotes" in EXAMPLES[".env"]


@each_service
def test_logs_are_bounded(name: str) -> None:
    logging = SERVICES[name]["logging"]
    assert logging["driver"] == "json-file"
    assert set(logging["options"]) == {"max-size", "max-file"}


def test_the_server_is_told_that_it_asks_nobody_who_they_are() -> None:
    """Later versions refuse to start otherwise; its port must be nobody else's then."""
    assert SERVICES["temporal"]["environment"]["TEMPORAL_ALLOW_NO_AUTH"] == "true"
    assert SERVICES["temporal"]["ports"] == ["127.0.0.1:7233:7233"]


def test_the_worker_gets_more_time_to_stop_than_it_takes() -> None:
    seconds = int(SERVICES["worker"]["stop_grace_period"].removesuffix("s"))
    assert seconds > WorkerSettings().grace


def options(name: str) -> dict[str, str]:
    """What a stand-in is started with."""
    return dict(option.split("=", 1) for option in SERVICES[name]["command"][3:])


def provider_of(name: str) -> str:
    """Whose double it is."""
    module: str = SERVICES[name]["command"][2]
    return module.removeprefix("sandbox.")


def test_every_provider_has_a_stand_in_on_a_port_of_its_own() -> None:
    assert {provider_of(name) for name in STAND_INS} == set(ADAPTORS)
    assert len({options(name)["--port"] for name in STAND_INS}) == len(STAND_INS)
    for name in STAND_INS:
        assert f":{options(name)['--port']}/" in SERVICES[name]["healthcheck"]["test"][-1]


@pytest.mark.parametrize("name", sorted(STAND_INS))
def test_a_stand_in_is_a_service_of_its_own_that_all_workers_reach(name: str) -> None:
    """In the worker's own network it was lost to every other worker, and to one that restarts."""
    service, given = SERVICES[name], options(name)
    assert service["profiles"] == ["stand-ins"]
    assert "network_mode" not in service
    assert given["--host"] == "0.0.0.0"  # noqa: S104
    assert given["--url"] == f"http://{name}:{given['--port']}"


def test_the_books_of_every_stand_in_outlive_it() -> None:
    files = {options(name)["--kept"] for name in STAND_INS}
    assert len(files) == len(STAND_INS)
    for name in STAND_INS:
        assert SERVICES[name]["volumes"] == ["stand-ins:/kept"]
    assert "stand-ins" in COMPOSE["volumes"]


def test_riverty_s_stand_in_calls_the_gateway_from_an_address_that_it_knows() -> None:
    """Without, its orders are never confirmed."""
    name = "stand-in-riverty"
    _, _, path = options(name)["--listener"].removeprefix("http://").partition("/")
    assert options(name)["--listener"].startswith("http://gateway:8080/")
    assert path == "webhooks/riverty/default"
    address = SERVICES[name]["networks"]["default"]["ipv4_address"]
    told = variables(EXAMPLES["deploy/gateway.env"], stand_ins=True)
    assert told["RIVERTY_NOTIFICATION_SOURCES"] == address
    (network,) = COMPOSE["networks"]["default"]["ipam"]["config"]
    assert ip_address(address) in ip_network(network["subnet"])


def test_the_search_attributes_fit_an_sql_store_and_leave_room() -> None:
    """Ten keywords and three of every other kind is all that it has columns for."""
    kinds = Counter(SEARCH_ATTRIBUTES.values())
    assert kinds.pop("Keyword") <= 9
    assert kinds.pop("KeywordList", 0) <= 1
    assert all(count <= 3 for count in kinds.values())


def test_no_second_list_of_search_attributes_is_kept() -> None:
    for file in ("docker-compose.yml", "commands/prepare.py", "deploy/temporal.yaml"):
        text = (ROOT / file).read_text()
        assert not [name for name in SEARCH_ATTRIBUTES if name in text]
    assert SERVICES["temporal-namespace"]["command"][:3] == ["python", "starter.py", "prepare"]


# --- what is run exists ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_command_of_ours_exists(name: str) -> None:
    service = SERVICES[name]
    commands = [service["command"]]
    if "test" in service.get("healthcheck", {}):
        commands.append(service["healthcheck"]["test"][1:])
    for python, *rest in commands:
        assert python == "python"
        module = rest[1].replace(".", "/") if rest[0] == "-m" else rest[0]
        places = (module, f"{module}.py", f"{module}/__main__.py")
        assert any((ROOT / place).is_file() for place in places), module


def test_a_health_check_runs_what_its_image_has() -> None:
    """An image of others need not have what a shell at hand has: the Web UI's has no curl."""
    checks = {
        name: service["healthcheck"]["test"]
        for name, service in SERVICES.items()
        if name not in OURS and "healthcheck" in service
    }
    assert {name: (how, program) for name, (how, program, *_) in checks.items()} == {
        "postgresql": ("CMD", "pg_isready"),
        "temporal": ("CMD", "nc"),
        "temporal-ui": ("CMD", "wget"),
    }


@pytest.mark.parametrize("name", sorted(SERVICES.keys() - ONE_SHOT - {"worker"}))
def test_a_health_check_asks_where_others_will(name: str) -> None:
    """By TCP, and at an address: PostgreSQL answers at its socket before it serves, and a name may
    stand for an address of IPv6, where nobody listens."""
    assert "127.0.0.1" in " ".join(SERVICES[name]["healthcheck"]["test"])
    assert "localhost" not in " ".join(SERVICES[name]["healthcheck"]["test"])


def test_files_that_are_mounted_exist() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert (ROOT / source).is_file() or source in COMPOSE["volumes"]


def test_the_server_reads_the_dynamic_configuration_that_is_mounted() -> None:
    temporal = SERVICES["temporal"]
    assert temporal["volumes"] == [
        f"./deploy/temporal.yaml:{temporal['environment']['DYNAMIC_CONFIG_FILE_PATH']}:ro"
    ]
    read = yaml.safe_load((ROOT / "deploy/temporal.yaml").read_text())
    assert read == {"limit.maxIDLength": [{"value": 255}]}


# --- Dockerfile -----------------------------------------------------------------------------------


def instructions(kind: str) -> list[str]:
    text = DOCKERFILE.replace("\\\n", " ")
    return [line.split(maxsplit=1)[1] for line in text.splitlines() if line.startswith(f"{kind} ")]


def stage(name: str) -> str:
    """The lines of one stage of the Dockerfile."""
    return re.split(r"^FROM .*$", DOCKERFILE, flags=re.MULTILINE)[STAGES.index(name) + 1]


STAGES = ["production", "stand-ins", "default"]


def copied(name: str = "production") -> set[str]:
    """What a stage has of ours."""
    lines = [line.split()[1:-1] for line in stage(name).splitlines() if line.startswith("COPY ")]
    return {source.rstrip("/") for line in lines for source in line}


def test_the_image_stands_on_a_fixed_version_and_is_not_root() -> None:
    base, *others = instructions("FROM")
    base, _, name = base.partition(" AS ")
    assert VERSION.fullmatch(base)
    assert "slim" in base
    assert (name, others) == ("production", ["production AS stand-ins", "production"])
    for each in STAGES[:-1]:
        *_, user = re.findall(r"^USER (.+)$", stage(each), re.MULTILINE)
        assert user != "root"
        assert stage(each).rindex("\nUSER ") > stage(each).rindex("\nRUN ")


def test_stand_ins_are_not_in_the_image_that_runs_in_production() -> None:
    assert copied("stand-ins") == {"sandbox"}
    assert copied() & {"sandbox", "demo", "temporal_server", "simulation", "tests"} == set()
    assert stage("default").strip() == ""
    for name in OURS:
        build = "stand-ins" if name in STAND_INS else "production"
        assert SERVICES[name]["build"] == {"context": ".", "target": build}
        assert ("stand-ins" in SERVICES[name]["image"]) == (name in STAND_INS)


def test_the_image_installs_the_pins_and_keeps_no_cache() -> None:
    (install,) = [line for line in instructions("RUN") if "pip install" in line]
    assert {"--no-cache-dir", "--no-deps", "requirements.txt"} <= set(shlex.split(install))
    assert "requirements-dev" not in DOCKERFILE


def test_what_the_image_runs_is_what_compose_runs() -> None:
    (command,) = instructions("CMD")
    assert ast.literal_eval(command) == SERVICES["worker"]["command"]
    (check,) = instructions("HEALTHCHECK")
    test = ast.literal_eval(check.split("CMD", 1)[1].strip())
    assert test == SERVICES["worker"]["healthcheck"]["test"][1:]


def test_what_the_image_copies_exists_and_is_let_through() -> None:
    everything = copied() | copied("stand-ins")
    assert all((ROOT / source).exists() for source in everything)
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignore
    assert {line[1:] for line in ignore if line.startswith("!")} == everything
    assert not [source for source in everything if source.startswith((".env", "tests", ".git"))]


def imported(file: Path) -> set[str]:
    """The first part of everything this file imports."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("name", STAGES[:-1])
def test_an_image_has_everything_that_its_code_imports(name: str) -> None:
    """What is ours and not copied would be missing, such as the tests' helpers or benchmarks."""
    local = {path.stem for path in ROOT.glob("*.py")}
    local |= {path.name for path in ROOT.iterdir() if path.is_dir() and any(path.glob("*.py"))}
    sources = copied(name)
    here = {Path(source).stem for source in sources | copied()}
    files = [ROOT / source for source in sources if source.endswith(".py")]
    files += [file for source in sources for file in (ROOT / source).rglob("*.py")]
    missing = {
        str(file.relative_to(ROOT)): wanted
        for file in files
        if (wanted := imported(file) & local - here)
    }
    # It says so where there is none.
    missing.pop("commands/demo.py", None)
    assert missing == {}


# --- the env files' examples ----------------------------------------------------------------------


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_hold_no_secret(name: str) -> None:
    assert set(variables(EXAMPLES[name], stand_ins=False).values()) == {""}
    harmless = {
        value for made in STAND_IN_OF.values() for value in made().account("http://there").values()
    }
    for variable, value in variables(EXAMPLES[name], stand_ins=True).items():
        if value and re.search(r"SECRET|TOKEN$|KEY|PASSWORD", variable):
            assert value in harmless


def test_the_env_files_themselves_are_kept_out_of_the_repository() -> None:
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert {Path(name).name for name in EXAMPLES} <= set(ignored)


def test_what_the_worker_s_example_names_is_read_and_an_empty_one_counts_as_not_set() -> None:
    assert settings.accounts.read(variables(WORKER, stand_ins=False)) == {}
    told = variables(WORKER, stand_ins=True)
    assert set(settings.accounts.read(told)) == set(ADAPTORS)
    assert settings.worker.read({**told, "INVOICING_PACE": "2"}).pace == 2
    of_providers = tuple(f"{provider.upper()}_" for provider in ADAPTORS)
    assert all(name.startswith(("INVOICING_", *of_providers)) for name in told)


async def test_what_the_gateway_s_example_names_is_read() -> None:
    empty = variables(EXAMPLES["deploy/gateway.env"], stand_ins=False)
    callers = {name for name in empty if name.startswith("GATEWAY_CALLER_")}
    may = {name: "read" for name in callers if name.endswith("__MAY")}
    told = {name: written(f"{TOKEN}{name}") for name in callers - may.keys()}
    assert set(settings.callers.read({**empty, **told, **may})) == {"erp", "operators"}
    assert settings.gateway.read({**empty, **told, **may}) == GatewaySettings()
    rest = {name: "1000-of-whatever-it-is" for name in empty if not name.startswith("GATEWAY_")}
    async with httpx.AsyncClient(verify=NO_TLS) as http:
        assert set(settings.accounts.hooks(rest, http)) == {
            name for name, adaptor in ADAPTORS.items() if issubclass(adaptor, Hooks)
        }


def test_what_compose_sets_for_the_gateway_is_a_setting_of_its() -> None:
    told = {
        name: value
        for name, value in SERVICES["gateway"]["environment"].items()
        if name.startswith("GATEWAY_")
    }
    made = settings.gateway.read(told)
    assert (made.host, made.port) == ("0.0.0.0", 8080)  # noqa: S104
    assert SERVICES["gateway"]["ports"] == ["127.0.0.1:8080:8080"]


@pytest.mark.parametrize("name", sorted(STAND_INS))
def test_the_example_points_the_worker_at_the_stand_ins_of_compose(name: str) -> None:
    """With the very credentials that it lets in."""
    provider = provider_of(name)
    account = STAND_IN_OF[provider]().account(options(name)["--url"])
    account.pop("notification_sources", None)  # the gateway's
    told = variables(WORKER, stand_ins=True)
    mine = f"{provider.upper()}_"
    of_it = {name: value for name, value in told.items() if value and name.startswith(mine)}
    assert of_it == demo.accounts.variables(provider, "default", account)


# --- run natively ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[Server]:
    async with local_server(own=True) as running:
        yield running


async def ran(command: list[str], environment: Mapping[str, str]) -> tuple[int, str]:
    """The exit code of one of compose's commands, and what it said."""
    assert command[0] == "python"
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    output = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.STDOUT}
    async with child(*command[1:], env={**kept, **environment}, **output) as process:
        said, _ = await asyncio.wait_for(process.communicate(), LONG_ENOUGH)
    assert process.returncode is not None
    return process.returncode, said.decode()


def check_of(name: str) -> list[str]:
    """The health check of a service, as a command."""
    command: list[str] = SERVICES[name]["healthcheck"]["test"][1:]
    return command


@slow
async def test_the_set_up_makes_namespace_and_search_attributes_and_can_be_repeated(
    server: Server,
) -> None:
    command = SERVICES["temporal-namespace"]["command"]
    environment = {"TEMPORAL_ADDRESS": server.address, "TEMPORAL_NAMESPACE": "made-here"}
    for _ in range(2):
        code, said = await ran(command, environment)
        assert (code, "InvoiceStatus (Keyword)" in said) == (0, True), said
    client = await Client.connect(server.address, namespace="made-here")
    listing = ListSearchAttributesRequest(namespace="made-here")
    present = await client.operator_service.list_search_attributes(listing)
    assert set(SEARCH_ATTRIBUTES) <= set(present.custom_attributes)
    described = await client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace="made-here")
    )
    retention = described.config.workflow_execution_retention_ttl.ToTimedelta()
    assert retention.days == int(command[-1])


@slow
async def test_the_worker_starts_from_the_example_and_its_health_check_sees_it(
    server: Server,
) -> None:
    environment = {
        **variables(WORKER, stand_ins=True),
        "TEMPORAL_ADDRESS": server.address,
        "TEMPORAL_NAMESPACE": "default",
    }
    assert SERVICES["worker"]["command"] == ["python", "worker.py"]
    code, said = await ran(check_of("worker"), environment)
    assert code == 1
    assert f"no worker on {socket.gethostname()}" in said
    async with worker_process(environment) as worker:
        await worker.ready()
        code, said = await ran(check_of("worker"), environment)
    assert code == 0, said


async def test_asking_for_a_page_loads_no_client_of_temporal() -> None:
    """Six containers ask every ten to thirty seconds; with the client each took a second of CPU."""
    program = "import sys, commands.health; print({'temporalio', 'pydantic'} & set(sys.modules))"
    assert await ran(["python", "-c", program], {}) == (0, "set()\n")


async def test_the_health_check_of_a_worker_says_when_no_server_answers() -> None:
    code, said = await ran(check_of("worker"), {"TEMPORAL_ADDRESS": "127.0.0.1:1"})
    assert code == 1
    assert "the Temporal server does not say" in said
    assert "Traceback" not in said


@contextlib.asynccontextmanager
async def stand_in(name: str, kept: Path, **more: str) -> AsyncIterator[str]:
    """A stand-in as compose starts it, but on a free port of this machine; its URL."""
    given = options(name) | {"--host": "127.0.0.1", "--port": "0", "--kept": str(kept)}
    given |= {f"--{option}": value for option, value in more.items()}
    del given["--url"]
    command = [*SERVICES[name]["command"][1:3], *(f"{o}={v}" for o, v in given.items())]
    async with child(*command, stdout=asyncio.subprocess.PIPE) as process:
        assert process.stdout is not None
        url = await asyncio.wait_for(process.stdout.readline(), LONG_ENOUGH)
        yield url.decode().strip()


@slow
@pytest.mark.parametrize("name", sorted(STAND_INS))
async def test_a_stand_in_starts_and_its_health_check_sees_it(name: str, tmp_path: Path) -> None:
    *check, wanted = check_of(name)
    path = wanted.split("/", 3)[3]
    async with stand_in(name, tmp_path / "kept") as url:
        assert await ran([*check, f"{url}/{path}"], {}) == (0, f"{url}/{path} answers 200\n")
        code, said = await ran([*check, f"{url}/nowhere"], {})
        assert code == 1
        assert "answers 4" in said
    code, said = await ran([*check, f"{url}/{path}"], {})
    assert (code, said) == (1, f"{url}/{path} does not answer\n")


@contextlib.asynccontextmanager
async def gateway_process(environment: Mapping[str, str]) -> AsyncIterator[str]:
    """The gateway as compose starts it; its URL, once it says that it serves."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    command = SERVICES["gateway"]["command"][1:]
    pipe = asyncio.subprocess.PIPE
    async with child(*command, env={**kept, **environment}, stderr=pipe) as process:
        assert process.stderr is not None
        async with asyncio.timeout(LONG_ENOUGH):
            said = ""
            while not (found := re.search(r"serving (http://\S+),", said)):
                line = await process.stderr.readline()
                assert line, said
                said += line.decode()
        yield found[1]
        process.terminate()
        await process.communicate()
        assert process.returncode == 0


@slow
async def test_the_gateway_starts_and_its_health_check_sees_it(server: Server) -> None:
    environment = {
        **variables(EXAMPLES["deploy/gateway.env"], stand_ins=False),
        **SERVICES["gateway"]["environment"],
        "TEMPORAL_ADDRESS": server.address,
        "INVOICING_ENCRYPTION_KEYS": "",
        "GATEWAY_HOST": "127.0.0.1",
        "GATEWAY_PORT": "0",
        "GATEWAY_CALLER__ERP__TOKENS": written(TOKEN),
        "GATEWAY_CALLER__ERP__MAY": "read",
    }
    *check, wanted = check_of("gateway")
    path = wanted.split("/", 3)[3]
    async with gateway_process(environment) as url:
        assert await ran([*check, f"{url}/{path}"], {}) == (0, f"{url}/{path} answers 200\n")
