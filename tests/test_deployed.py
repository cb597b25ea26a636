"""The deploy examples know every feature: what is off unless it is set is shown, or left out
on purpose, and every line that is shown can be taken as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

import settings.accounts
import settings.callers
import settings.consents
import settings.gateway
import settings.people
import settings.shared
import settings.worker
from gateway.tokens import written
from invoicing.provider import Hooks
from providers.registry import ADAPTORS
from providers.subscribers import SubscriberSettings
from settings.callers import CallerSettings
from settings.consents import ConsentSettings
from settings.gateway import GatewaySettings
from settings.people import ISSUER, IssuerSettings, RoleSettings
from settings.shared import ClientSettings, DocumentSettings, LogSettings, RegisterSettings
from settings.worker import WorkerSettings
from tests.test_configuration import FIELDS, SETTINGS
from tests.tiers import detail

ROOT = Path(__file__).resolve().parent.parent
COMPOSE, KUBERNETES = "docker-compose.yml", "deploy/kubernetes"
WORKER, GATEWAY = "worker", "gateway"

READ_BY: dict[type[BaseModel], tuple[str, ...]] = {
    WorkerSettings: (WORKER,),
    LogSettings: (WORKER, GATEWAY),
    ClientSettings: (WORKER, GATEWAY),
    RegisterSettings: (WORKER, GATEWAY),
    DocumentSettings: (WORKER, GATEWAY),
    SubscriberSettings: (WORKER,),
    ConsentSettings: (WORKER,),
    CallerSettings: (GATEWAY,),
    IssuerSettings: (GATEWAY,),
    RoleSettings: (GATEWAY,),
    GatewaySettings: (GATEWAY,),
    **{
        adaptor.Settings: (WORKER, GATEWAY) if issubclass(adaptor, Hooks) else (WORKER,)
        for adaptor in ADAPTORS.values()
    },
}
"""Which process reads the variables of a class of settings."""

OF_THE_COMMAND_LINE = "the command line alone reads it"
LEFT_OUT: dict[tuple[str, str], str] = {
    (WORKER, "INVOICING_WEB_UI"): OF_THE_COMMAND_LINE,
    (GATEWAY, "INVOICING_WEB_UI"): OF_THE_COMMAND_LINE,
    (WORKER, "INVOICING_BOOKINGS"): OF_THE_COMMAND_LINE,
    (GATEWAY, "INVOICING_BOOKINGS"): "a file of one's own, mounted where there is one",
    (WORKER, "INVOICING_CACHED_WORKFLOWS"): "as many as fit into its memory",
    (WORKER, "INVOICING_MONEY_DAYS_OF"): "INVOICING_MONEY_DAYS says it for every provider",
    (COMPOSE, "INVOICING_BUILD"): "one worker, which is replaced: there is nothing to promote",
}
"""Why something is not shown: by process, or by deployment."""
PROVIDER_S = tuple(f"{provider.upper()}_" for provider in ADAPTORS)
SHOWN_IN_KUBERNETES = "MOLLIE_"
"""One provider as an example, as the manifest says."""


def _text(deployment: str, process: str) -> str:
    """All that the examples of a deployment say to a process."""
    if deployment == COMPOSE:
        named = ("docker-compose.yml", f"deploy/{process}.env.example")
    else:
        named = (f"{KUBERNETES}/{process}.yaml", f"{KUBERNETES}/config.yaml")
    return "\n".join((ROOT / name).read_text(encoding="utf-8") for name in named)


def _service(text: str, name: str) -> str:
    """Of docker-compose.yml what is said to one service, and what all of ours share."""
    shared, _, services = text.partition("\nservices:\n")
    found = re.search(rf"^  {name}:\n((?:    .*\n|\n)+)", services, re.MULTILINE)
    assert found
    merged = set(re.findall(r"\*([a-z]+)", found[1]))
    parts = re.findall(r"^x-[a-z-]+: &([a-z-]+)\n((?:  .*\n)+)", shared, re.MULTILINE)
    return found[1] + "".join(part for anchor, part in parts if anchor in merged)


def _shown(deployment: str, process: str) -> set[str]:
    """Every variable that is named there, in a comment or not; one in a file by its own name."""
    text = _text(deployment, process)
    if deployment == COMPOSE:
        compose, _, example = text.partition("\n# For the ")
        text = f"{_service(compose, process)}\n{example}"
    names = re.findall(r"\b[A-Z][A-Z0-9]*(?:__?[A-Z0-9]+)+\b", text)
    return {name.removesuffix("_FILE") for name in names}


def _wanted(process: str) -> list[str]:
    """What this process may be told that does nothing, or does not work, unless it is told."""
    return [
        f"{prefix}{name.upper()}"
        for prefix, kind in SETTINGS
        if process in READ_BY[kind]
        for name, field in kind.model_fields.items()
        if field.is_required() or field.get_default(call_default_factory=True) in (None, (), {})
    ]


def _is_left_out(deployment: str, process: str, name: str) -> bool:
    if (process, name) in LEFT_OUT or (deployment, name) in LEFT_OUT:
        return True
    if not name.startswith(PROVIDER_S):
        return False
    if deployment == KUBERNETES and not name.startswith(SHOWN_IN_KUBERNETES):
        return True
    receives = name.endswith("_WEBHOOK_SECRETS")
    if process == GATEWAY:
        return not receives
    # A worker is shown what an account needs; how it is used has a default, or a reason to be set.
    return receives or not FIELDS[name].is_required()


each_place = pytest.mark.parametrize(
    ("deployment", "process"),
    [(deployment, each) for deployment in (COMPOSE, KUBERNETES) for each in (WORKER, GATEWAY)],
)


@each_place
def test_what_is_off_unless_it_is_set_is_shown_or_left_out_on_purpose(
    deployment: str, process: str
) -> None:
    """If this fails: show it in the examples of that deployment, or say here why not."""
    shown = _shown(deployment, process)
    missing = [
        name
        for name in _wanted(process)
        if name not in shown and not _is_left_out(deployment, process, name)
    ]
    assert missing == []


def test_every_class_of_settings_is_known_to_be_somebody_s() -> None:
    assert set(READ_BY) == {kind for _, kind in SETTINGS}


def test_nothing_is_left_out_that_is_shown_or_that_nobody_reads() -> None:
    for where, name in LEFT_OUT:
        places = [(COMPOSE, where), (KUBERNETES, where)] if where in (WORKER, GATEWAY) else []
        places = places or [(where, each) for each in (WORKER, GATEWAY)]
        assert all(name not in _shown(*place) for place in places), name
        assert name in FIELDS


@each_place
def test_no_variable_is_shown_to_a_process_that_does_not_read_it(
    deployment: str, process: str
) -> None:
    prefixes = tuple(prefix for prefix, kind in SETTINGS if process in READ_BY[kind])
    others = tuple(prefix for prefix, kind in SETTINGS if process not in READ_BY[kind])
    known = set(FIELDS)
    for name in _shown(deployment, process):
        if name.startswith(others) and not name.startswith(prefixes):
            pytest.fail(f"{name} is not read by the {process}")
        if name.startswith(("INVOICING_", "GATEWAY_")) and "__" not in name:
            assert name in known or name.rstrip("_") in known, name


# --- what is shown can be taken -------------------------------------------------------------------

DIGEST = written("t" * 32)
FILLED = {
    "GATEWAY_CALLER__ERP__TOKENS": DIGEST,
    "GATEWAY_CALLER__ERP__MAY": "read",
    "GATEWAY_CALLER__OPERATORS__TOKENS": DIGEST.replace("0", "1"),
    "GATEWAY_CALLER__OPERATORS__MAY": "read",
    "GATEWAY_CONSOLE_KEYS": "0123456789abcdef" * 4,
    "GATEWAY_ISSUER_CLIENT_SECRET": "whatever the issuer gave",
    "INVOICING_SUBSCRIBER__ERP__SECRET": "whsec_" + "MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3A=",
    "MOLLIE_TOKEN": "test_dHar4XY7LxsDOtmnkVtjNVWXLSlXsM",
}
"""What the examples leave to be filled in."""


def _lines(process: str) -> dict[str, str]:
    """Every variable of the example, those in comments too, filled in where it is left empty."""
    text = (ROOT / f"deploy/{process}.env.example").read_text(encoding="utf-8")
    text = text.partition("# --- stand-ins")[0]
    pairs = dict(re.findall(r"^(?:# {5})?([A-Z][A-Z0-9_]*)=(.*)$", text, re.MULTILINE))
    filled = {name: value or FILLED.get(name, "") for name, value in pairs.items()}
    assert set(filled) > set(re.findall(r"^# {5}([A-Z0-9_]+)=", text, re.MULTILINE))
    return filled


def _of_kubernetes(process: str) -> dict[str, str]:
    """Every variable of the manifest, those in comments too, with files' contents filled in."""
    text = (ROOT / f"{KUBERNETES}/{process}.yaml").read_text(encoding="utf-8")
    pairs = re.findall(r"\{name: ([A-Z][A-Z0-9_]*), value: \"?(.*?)\"?\}", text)
    return {
        name.removesuffix("_FILE"): FILLED.get(name.removesuffix("_FILE"), value)
        for name, value in pairs
    }


@pytest.mark.parametrize("lines", [_lines, _of_kubernetes], ids=["env", "manifest"])
def test_what_is_shown_of_people_and_callers_can_be_taken_as_it_stands(lines: object) -> None:
    assert callable(lines)
    told = lines(GATEWAY)
    setup = settings.gateway.read(told)
    assert setup.hosts == ("invoices.example.com",)
    assert setup.console_keys
    people = settings.people.read(told)
    assert people
    assert people.issuer.client_secret
    assert set(people.roles) == {"finance"}
    callers = settings.callers.read(told, needed=True)
    assert set(callers) == {"erp", "operators"}
    assert settings.shared.register({"INVOICING_REGISTER_AT": told["INVOICING_REGISTER_AT"]})


@pytest.mark.parametrize("lines", [_lines, _of_kubernetes], ids=["env", "manifest"])
def test_what_is_shown_of_consents_and_subscribers_can_be_taken_as_it_stands(
    lines: object,
) -> None:
    assert callable(lines)
    told = lines(WORKER)
    settings.worker.read(told)
    mollie = {name: value for name, value in told.items() if name.startswith("MOLLIE_")}
    accounts = settings.accounts.read(mollie)
    rules = settings.consents.read(told, accounts)
    assert rules["mollie"]["default"].of
    assert set(settings.accounts.subscribers(told)) == {"erp"}


@detail
def test_a_variable_that_is_taken_out_of_an_example_is_missed() -> None:
    """Without this, a table that finds nothing would pass as well."""
    assert "GATEWAY_ISSUER_URL" in _wanted(GATEWAY)
    assert "INVOICING_CONSENT_MOLLIE_OF" in _wanted(WORKER)
    assert not _is_left_out(COMPOSE, GATEWAY, "GATEWAY_ISSUER_URL")
    assert not _is_left_out(KUBERNETES, GATEWAY, "INVOICING_REGISTER_AT")
    assert ISSUER.startswith("GATEWAY_")
