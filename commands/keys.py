"""How the command line reads and writes payloads: with the data keys of the register, too."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager

from temporalio.converter import DataConverter

import settings.shared
from invoicing.client import converter


@contextmanager
def converter_here() -> Iterator[DataConverter]:
    """As the environment says, with the data keys of the register where each invoice has one.
    Raises InvoicingError."""
    where = settings.shared.register(os.environ).register_at
    if where is None or not settings.shared.clients(os.environ).data_keys:
        yield converter()
        return
    from register.keys import KeyStore  # no other command needs a database

    with closing(KeyStore(where.get_secret_value())) as keys:
        yield converter(keys)
