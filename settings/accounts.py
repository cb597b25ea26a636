"""Accounts with providers, and subscribers.

`ZERO_FRICTION_CLIENT_ID` belongs to the account `default` of the provider zero_friction,
`ZERO_FRICTION__BELGIUM__CLIENT_ID` to its account `belgium`. A provider without any variable is
not configured, which is no mistake; a variable nobody reads is one, because it is a typing error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, create_model

from invoicing.provider import Hooks, Provider
from invoicing.request import AccountName
from providers.registry import ADAPTORS
from providers.subscribers import SubscriberSettings
from settings.files import BOTH, from_file, of_file
from settings.variables import BadSettings, Problems, mistakes

DEFAULT = "default"
_account = TypeAdapter(AccountName)
M = TypeVar("M", bound=BaseModel)

AccountSettings = dict[str, dict[str, BaseModel]]
"""Settings by provider and account."""


def read(environment: Mapping[str, str]) -> AccountSettings:
    """Every configured account; BadSettings lists all that is missing or wrong at once."""
    problems: Problems = {}
    accounts: AccountSettings = {}
    for provider, adaptor in ADAPTORS.items():
        if found := each(adaptor.Settings, provider, environment, problems):
            accounts[provider] = found
    if problems:
        raise BadSettings(problems)
    return accounts


def subscribers(environment: Mapping[str, str]) -> dict[str, SubscriberSettings]:
    """Every configured subscriber; BadSettings lists all that is missing or wrong at once.

    `INVOICING_SUBSCRIBER__ERP__URL` belongs to the subscriber `erp`, by the rules of accounts.
    """
    problems: Problems = {}
    found = each(SubscriberSettings, _SUBSCRIBER, environment, problems, "subscriber")
    if problems:
        raise BadSettings(problems)
    return found


_SUBSCRIBER = "invoicing_subscriber"


def connect(accounts: AccountSettings, http: httpx.AsyncClient) -> dict[str, dict[str, Provider]]:
    """Adaptors by provider and account, all over the one client; it makes no call."""
    return {
        provider: {
            account: ADAPTORS[provider](settings, http) for account, settings in by_account.items()
        }
        for provider, by_account in accounts.items()
    }


def hooks(environment: Mapping[str, str], http: httpx.AsyncClient) -> dict[str, dict[str, Hooks]]:
    """What receives webhooks, by provider and account: the same variables, without credentials.

    Whoever only receives them needs none, and none is kept: every setting that must be given is
    passed over, whether it is there or not. Nothing but `receive` may be asked of these. Raises
    BadSettings as `read` does.
    """
    problems: Problems = {}
    found: dict[str, dict[str, Hooks]] = {}
    for provider, adaptor in ADAPTORS.items():
        if not hasattr(adaptor, "receive"):
            continue
        told = _by_account(provider, environment, problems, adaptor.Settings)
        for account, values in told.items():
            made = adaptor(_spared(provider, account, values, problems), http)
            if isinstance(made, Hooks):
                found.setdefault(provider, {})[account] = made
    if problems:
        raise BadSettings(problems)
    return found


def _spared(provider: str, account: str, values: dict[str, str], problems: Problems) -> BaseModel:
    whole = ADAPTORS[provider].Settings
    fields = whole.model_fields
    free: dict[str, Any] = {
        name: (field.annotation, field) for name, field in fields.items() if not field.is_required()
    }
    typed = create_model(
        whole.__name__,
        __config__=ConfigDict(extra="forbid", str_strip_whitespace=True, hide_input_in_errors=True),
        **free,
    )
    given = {name: value for name, value in values.items() if name in free or name not in fields}
    model = _validated(typed, provider, account, given, problems)
    return whole.model_construct(**(dict(model) if model else {}))


def _by_account(
    provider: str, environment: Mapping[str, str], problems: Problems, model: type[BaseModel]
) -> dict[str, dict[str, str]]:
    """What is set for each account; a name that is none goes to `problems`."""
    accounts: dict[str, dict[str, str]] = {}
    files: list[tuple[str, str, str, str]] = []
    for variable, account, field, value in _variables(provider, environment):
        try:
            _account.validate_python(account)
        except ValidationError:
            problems[variable] = "names no account (letters, digits and _, not at the start)"
            continue
        accounts.setdefault(account, {})[field] = value
        if whole := of_file(field, model.model_fields):
            files.append((variable, account, field, whole))
    for variable, account, field, whole in files:
        told = accounts[account]
        content = from_file(variable, told.pop(field), problems)
        if told.setdefault(whole, content or "") != content:
            problems[variable] = problems.get(variable, BOTH)
    return accounts


def _variables(
    provider: str, environment: Mapping[str, str]
) -> Iterator[tuple[str, str, str, str]]:
    prefix = provider.upper()
    for variable, value in environment.items():
        rest = variable.removeprefix(prefix)
        # Compose files pass a variable on empty when nobody set it.
        if rest == variable or not rest.startswith("_") or not value.strip():
            continue
        if rest.startswith("__"):
            account, _, field = rest[2:].partition("__")
            yield variable, account.lower(), field.lower(), value.strip()
        else:
            yield variable, DEFAULT, rest[1:].lower(), value.strip()


def each(
    model: type[M],
    provider: str,
    environment: Mapping[str, str],
    problems: Problems,
    of: str = "provider",
) -> dict[str, M]:
    """The settings of every account that has usable ones; `problems` says what the others lack."""
    checked = {
        account: _validated(model, provider, account, values, problems, of)
        for account, values in _by_account(provider, environment, problems, model).items()
    }
    return {account: settings for account, settings in checked.items() if settings is not None}


def _validated(
    model: type[M],
    provider: str,
    account: str,
    values: dict[str, str],
    problems: Problems,
    of: str = "provider",
) -> M | None:
    """One account's settings; None where `problems` says why not. `of` is what has the setting."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        for field, what in mistakes(error, of).items():
            problems[_variable(provider, account, field)] = what
        return None


def _variable(provider: str, account: str, field: str) -> str:
    parts = [provider, field] if account == DEFAULT else [provider, "", account, "", field]
    return "_".join(parts).upper()
