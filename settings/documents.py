"""The store of documents, where INVOICING_DOCUMENTS_AT says that there is one."""

from __future__ import annotations

from collections.abc import Mapping

from documents import DocumentStore, opened
from settings import variables
from settings.shared import PREFIX, DocumentSettings
from settings.variables import BadSettings


def store_of(environment: Mapping[str, str]) -> DocumentStore | None:
    """From these variables and no others; None where there is to be none. Raises BadSettings."""
    where = variables.read(DocumentSettings, environment).documents_at
    if not where:
        return None
    try:
        return opened(where)
    except (ValueError, OSError) as error:
        raise BadSettings({f"{PREFIX}DOCUMENTS_AT": str(error)}) from None
