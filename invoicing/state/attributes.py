"""The search attributes of an invoice's workflow: what lists can show and filter by.

They are stored in clear text and never encrypted, so they hold no personal data. A visibility store
on SQL has room for ten keywords.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time

from temporalio.common import SearchAttributeKey

PROVIDER = SearchAttributeKey.for_keyword("InvoiceProvider")
REFERENCE = SearchAttributeKey.for_keyword("InvoiceReference")
STATUS = SearchAttributeKey.for_keyword("InvoiceStatus")
NUMBER = SearchAttributeKey.for_keyword("InvoiceNumber")
PROVIDER_ID = SearchAttributeKey.for_keyword("ProviderInvoiceId")
WAITING_FOR = SearchAttributeKey.for_keyword("WaitingFor")
KEYS = SearchAttributeKey.for_keyword_list("InvoiceKeys")
WAITING_SINCE = SearchAttributeKey.for_datetime("WaitingSince")
DUE_DATE = SearchAttributeKey.for_datetime("InvoiceDueDate")

SEARCH_ATTRIBUTES: dict[str, str] = {
    PROVIDER.name: "Keyword",
    STATUS.name: "Keyword",
    NUMBER.name: "Keyword",
    PROVIDER_ID.name: "Keyword",
    REFERENCE.name: "Keyword",
    WAITING_FOR.name: "Keyword",
    WAITING_SINCE.name: "Datetime",
    DUE_DATE.name: "Datetime",
    KEYS.name: "KeywordList",
}
"""Name and type, as `temporal operator search-attribute create` wants them."""


def keys(provider: str, account: str, names: Iterable[str]) -> list[str]:
    """The provider's names for an invoice or order, as they are listed: each account's its own.

    Without what JSON escapes: a list on SQLite cannot be searched for that.
    """
    plain = (_ESCAPED.sub("\N{REPLACEMENT CHARACTER}", name) for name in names)
    return list(dict.fromkeys(f"{provider}/{account}/{name}" for name in plain))


_ESCAPED = re.compile(r'["\\\x00-\x1f]')


def midnight(day: date) -> datetime:
    """A calendar day as a search attribute: its first instant in UTC."""
    return datetime.combine(day, time(), UTC)


def quoted(text: str) -> str:
    """A text as a value in a query of lists."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
