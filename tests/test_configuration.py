"""docs/configuration.md names every variable there is, with the default it has, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from temporalio.envconfig import ClientConfigProfile

import settings.gateway
import settings.shared
from providers.registry import ADAPTORS
from providers.subscribers import SubscriberSettings
from settings.callers import CallerSettings
from settings.consents import ConsentSettings
from settings.gateway import GatewaySettings
from settings.people import ISSUER, IssuerSettings, RoleSettings
from settings.shared import ClientSettings, DocumentSettings, LogSettings, RegisterSettings
from settings.worker import WorkerSettings

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `([A-Z][A-Z0-9_]+)` \| (.+?) \|(.*)\|$", re.MULTILINE)
SETTINGS: list[tuple[str, type[BaseModel]]] = [
    *(
        (settings.shared.PREFIX, kind)
        for kind in (
            WorkerSettings,
            LogSettings,
            ClientSettings,
            RegisterSettings,
            DocumentSettings,
        )
    ),
    ("INVOICING_SUBSCRIBER__ERP__", SubscriberSettings),
    ("INVOICING_CONSENT_MOLLIE_", ConsentSettings),
    ("GATEWAY_CALLER__ERP__", CallerSettings),
    (ISSUER, IssuerSettings),
    ("GATEWAY_ROLE__FINANCE__", RoleSettings),
    (settings.gateway.PREFIX, GatewaySettings),
    *((f"{provider.upper()}_", adaptor.Settings) for provider, adaptor in ADAPTORS.items()),
]
OF_NO_CLASS = re.compile(
    r"(?:INVOICING|TESTS|TEMPORAL|POSTGRES|XDG|OTEL)_[A-Z0-9]+(?:_[A-Z0-9]+)*|COLUMNS"
)

ROWS = {name: default for name, default, _ in ROW.findall(DOCUMENT)}
SAYS = {name: says for name, _, says in ROW.findall(DOCUMENT)}
FIELDS = {
    f"{prefix}{name.upper()}": field
    for prefix, kind in SETTINGS
    for name, field in kind.model_fields.items()
}


def shown(field: FieldInfo) -> str:
    """A default as the table writes it."""
    if field.is_required():
        return "needed"
    default = field.get_default(call_default_factory=True)
    if default in (None, (), {}):
        return "–"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, (float, Decimal)):
        return f"`{default:g}`"
    return f"`{default}`"


def is_secret(annotation: Any) -> bool:
    return annotation is SecretStr or any(is_secret(inner) for inner in get_args(annotation))


def test_every_row_is_there_once() -> None:
    names = [name for name, _, _ in ROW.findall(DOCUMENT)]
    assert sorted(set(names)) == sorted(names)


def test_every_setting_has_a_row_and_every_row_a_setting() -> None:
    """If this fails: add or take away these rows in docs/configuration.md."""
    of_classes = {name for name in ROWS if name.startswith(tuple(prefix for prefix, _ in SETTINGS))}
    assert of_classes == set(FIELDS)


@pytest.mark.parametrize("name", FIELDS)
def test_the_default_is_the_one_there_is(name: str) -> None:
    if name in ROWS:
        assert ROWS[name] == shown(FIELDS[name])


@pytest.mark.parametrize("name", FIELDS)
def test_secrets_are_marked_and_nothing_else_is(name: str) -> None:
    if name in ROWS:
        assert ("**Secret.**" in SAYS[name]) == is_secret(FIELDS[name].rebuild_annotation())


def test_variables_that_belong_to_no_class_are_named_too() -> None:
    """Those that our code, the Makefile or compose read by name."""
    missing = {name: places for name, places in outside().items() if name not in ROWS}
    missing = {name: places for name, places in missing.items() if name not in FIELDS}
    assert missing == {}


def test_no_row_is_of_a_variable_that_nobody_reads() -> None:
    temporal_s_own = {name for name in ROWS if name.startswith("TEMPORAL_")}
    assert set(ROWS) - set(FIELDS) - temporal_s_own - set(outside()) == set()


@pytest.mark.parametrize(
    "name",
    sorted(
        {name for name in ROWS if name.startswith("TEMPORAL_")}
        - {"TEMPORAL_CONFIG_FILE", "TEMPORAL_PROFILE", "TEMPORAL_BINARY", "TEMPORAL_CODEC_ENDPOINT"}
    ),
)
def test_temporal_s_own_variables_are_read_by_its_sdk(name: str) -> None:
    def told(environment: dict[str, str]) -> ClientConfigProfile:
        return ClientConfigProfile.load(disable_file=True, override_env_vars=environment)

    assert told({name: "true"}) != told({})


def outside() -> dict[str, list[str]]:
    """Names of variables that stand in code as whole strings, with where."""
    found: dict[str, list[str]] = {}
    for place, name in (*_in_code(), *_in_files()):
        if name not in _SET_FOR_OTHERS:
            found.setdefault(name, []).append(place)
    return found


_SET_FOR_OTHERS = {
    "TEMPORAL_CORS_ORIGINS",  # by compose, for images that are not ours
    "TEMPORAL_CODEC_INCLUDE_CREDENTIALS",
    "TEMPORAL_BROADCAST_ADDRESS",
    "TEMPORAL_ALLOW_NO_AUTH",
    "POSTGRES_SEEDS",
    "POSTGRES_USER",
    "POSTGRES_PWD",
}


def _in_code() -> Iterator[tuple[str, str]]:
    for file in ROOT.rglob("*.py"):
        place = file.relative_to(ROOT)
        if place.parts[0] in ("tests", "build", ".venv") and place.name != "conftest.py":
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            value = node.value if isinstance(node, ast.Constant) else None
            if isinstance(value, str) and OF_NO_CLASS.fullmatch(value):
                yield str(place), value


def _in_files() -> Iterator[tuple[str, str]]:
    for name in ("Makefile", "docker-compose.yml", ".env.example"):
        text = (ROOT / name).read_text(encoding="utf-8")
        for variable in re.findall(rf"\b(?:{OF_NO_CLASS.pattern})\b", text):
            yield name, variable
