"""From environment variables to settings; a mistake is named by its variable, never by a value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from invoicing.errors import InvoicingError
from invoicing.parse import NO_SENTENCE, explained
from settings.files import BOTH, from_file, of_file
from settings.files import Problems as Problems


class BadSettings(InvoicingError):
    """The environment cannot be used as it is; names every variable in question, never a value."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        lines = (f"  {variable}: {what}" for variable, what in sorted(problems.items()))
        super().__init__("\n".join(["these environment variables need attention:", *lines]))
        self.variables = tuple(sorted(problems))


class Variables(BaseSettings):
    """Settings whose variables have fixed names: a prefix, and the field's name in capitals.

    Made directly, one has the defaults and what it is given; only `read` looks at variables.
    """

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        str_strip_whitespace=True,
        hide_input_in_errors=True,
        enable_decoding=False,  # a list is written with commas, not as JSON
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        *others: PydanticBaseSettingsSource,
        **more: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is given, and nothing of this process's environment."""
        return (init_settings,)


V = TypeVar("V", bound=Variables)


def read(kind: type[V], environment: Mapping[str, str], problems: Problems | None = None) -> V:
    """These settings. What is empty counts as not set.

    Raises BadSettings for what is wrong with them and for these further problems, all at once.
    """
    found = dict(problems or {})
    try:
        settings = kind(**_Handed(kind, _with_files(kind, environment, found))())
    except ValidationError as error:
        found |= {variable(kind, field): what for field, what in mistakes(error).items()}
    # Outside the handler, so that what pydantic says is not chained to ours.
    if found:
        raise BadSettings(found)
    return settings


def _with_files(
    kind: type[Variables], environment: Mapping[str, str], problems: Problems
) -> dict[str, str]:
    """The same with what stands in files; see `settings.files`."""
    told = dict(environment)
    known = {variable(kind, field): field for field in kind.model_fields}
    for name, value in environment.items():
        if (whole := of_file(name, known)) and value.strip():
            if environment.get(whole, "").strip():
                problems[name] = BOTH
            told[whole] = from_file(name, value.strip(), problems) or ""
    return told


def mistakes(error: ValidationError, of: str = "") -> dict[str, str]:
    """What is wrong, by field; `of` is what has the settings."""
    details = error.errors(include_input=False, include_url=False)
    return {_field(one): _sentence(one, of) for one in details}


def _field(details: ErrorDetails) -> str:
    return str(details["loc"][0]) if details["loc"] else ""


def _sentence(details: ErrorDetails, of: str) -> str:
    if details["type"] == "missing":
        return "is missing"
    if details["type"] == "extra_forbidden":
        return f"is not a setting of this {of}"
    said = explained([details])[0].message
    return details["msg"] if said == NO_SENTENCE else said


def variable(kind: type[Variables], field: str) -> str:
    """What the variable of this field is called."""
    return f"{kind.model_config['env_prefix']}{field}".upper()


def unread(environment: Mapping[str, str], prefix: str, *known: type[Variables]) -> Problems:
    """Variables with this prefix that are of none of these kinds: typing errors, all of them."""
    read_by = {variable(kind, field) for kind in known for field in kind.model_fields}
    return {
        name: "is not a setting"
        for name, value in environment.items()
        if name.startswith(prefix)
        and name not in read_by
        and of_file(name, read_by) is None
        and value.strip()
    }


class _Handed(EnvSettingsSource):
    """Reads the variables it is handed, instead of those of this process."""

    def __init__(self, kind: type[Variables], environment: Mapping[str, str]) -> None:
        super().__init__(kind)
        self.env_vars = {
            name.lower(): value.strip()
            for name, value in environment.items()
            if name.isupper() and value.strip()
        }
