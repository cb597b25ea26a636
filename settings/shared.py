"""What several of our processes are told the same way: variables that begin with `INVOICING_`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import SecretStr
from pydantic_settings import SettingsConfigDict

from settings import variables
from settings.variables import Variables

PREFIX = "INVOICING_"


class LogSettings(Variables):
    """What the worker and the gateway are told.

    log: how logs are written: as text, or a JSON object per line.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX)

    log: Literal["text", "json"] = "text"


class ClientSettings(Variables):
    """What clients are told beside Temporal's own variables.

    web_ui: where Temporal's Web UI is, for the command line's links.
    encryption_keys: what payloads are encrypted with. Here it is only known whether there are any:
        `invoicing.temporal.connection` reads them in every client, ours or a service's.
    data_keys: whether every invoice and order has a key of its own, in the register, which an
        erasure destroys.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX)

    web_ui: str | None = None
    encryption_keys: SecretStr | None = None
    data_keys: bool = False


class RegisterSettings(Variables):
    """Where the register is, for workers, which write it, and for command line and gateway, which
    read it.

    register_at: a file, or postgresql://user:password@host:port/database. Without one, a reference
        is known as long as Temporal keeps it.
    bookings: a table (TOML) of what the columns of an export's booking file are, and of accounts.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX)

    register_at: SecretStr | None = None
    bookings: Path | None = None


class DocumentSettings(Variables):
    """Where the documents of invoices are kept, for workers, which fetch them, and for command line
    and gateway, which hand them out.

    documents_at: a folder, or an address such as s3://bucket/documents; its credentials are in the
        environment, as AWS's own tools want them. Without one no document is kept.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX)

    documents_at: str | None = None


def logs(environment: Mapping[str, str]) -> LogSettings:
    """From these variables and no others. Raises BadSettings."""
    return variables.read(LogSettings, environment)


def register(environment: Mapping[str, str]) -> RegisterSettings:
    """From these variables and no others. Raises BadSettings."""
    return variables.read(RegisterSettings, environment)


def clients(environment: Mapping[str, str]) -> ClientSettings:
    """From these variables and no others."""
    return variables.read(ClientSettings, environment)
