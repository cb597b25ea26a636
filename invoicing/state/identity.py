"""Under which names the workflows run, and what Temporal is told about them from the start.

Clients start workflows with it, and so do workflows that start others.
"""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from functools import cache
from typing import Any

from pydantic import BaseModel
from temporalio.common import SearchAttributePair, TypedSearchAttributes

from invoicing.money import plain
from invoicing.request import InvoiceRequest, OrderRequest
from invoicing.state import attributes
from invoicing.state.invoice import Status

TASK_QUEUE = "invoicing"
WORKFLOW = "InvoiceWorkflow"
ORDER_WORKFLOW = "OrderWorkflow"
DOCUMENT_WORKFLOW = "DocumentWorkflow"
MONEY_WORKFLOW = "MoneyWorkflow"
PAY_LINK_WORKFLOW = "PayLinkWorkflow"
CREDITS_WORKFLOW = "CreditsWorkflow"
AMEND_WORKFLOW = "AmendWorkflow"
EVENT_WORKFLOW = "EventWorkflow"
FEED_WORKFLOW = "FeedWorkflow"
NOTICES_WORKFLOW = "NoticesWorkflow"
RECONCILIATION_WORKFLOW = "ReconciliationWorkflow"
RETENTION_WORKFLOW = "RetentionWorkflow"
PREVIEW_WORKFLOW = "PreviewWorkflow"
RETENTION = "retention/nightly"
"""The schedule, and what the ids of its runs begin with."""
MEMO = "fingerprint"
CONTENTS = "contents"
"""Memo: digests of everything that a reference was asked for so far, corrections and earlier lives
included. What comes to light late may be any of them."""
CANCELLED = "cancelled"
"""Memo: whether it is being taken back. A life that is cut off, or in which nobody came in time,
leaves that to its successor, and so it does with the two below."""
HELD = "held"
"""Memo: whether a person holds it."""
CORRECTED = "corrected"
"""Memo: whether a person had it made from another document than the one that was asked for."""
MARK = "mark"
"""Memo: of which call this run is, where its caller marks its calls: of many that ask at once for
the same, one finds its own."""
IN_PARTS = "in_parts"
"""Memo: whether it is credited in parts. A life that follows must not credit it as a whole."""
OWNER = "order"
"""Memo of a delivery's invoice, or of a credit: the workflow whose ledger it is in, an order's or
that of an invoice's credits."""
MOST_CONTENTS = 30
MOST_EVENT = 140
"""Beside a provider's and an account's name of 50 each."""
DETAILS = "Where it is, what it waits for and what you can do: *Current details*."


def workflow_id(reference: str) -> str:
    """One reference, one workflow: this is what makes a second invoice impossible to ask for."""
    return f"{INVOICE_PREFIX}{reference}"


def order_id(reference: str) -> str:
    """One reference, one order."""
    return f"order/{reference}"


def document_id(reference: str) -> str:
    """Of the workflow that fetches an invoice's document."""
    return f"document/{reference}"


def pay_link_id(reference: str) -> str:
    """Of the workflow that asks where an invoice is paid."""
    return f"pay-link/{reference}"


def share(account: str, proven: str) -> str:
    """Whose work this is where many wait: each account and caller has its share of a queue. Who
    the caller is cannot be read from it."""
    mark = hashlib.sha256(proven.encode()).hexdigest()[:8] if proven else ""
    return f"{account}/{mark}"


def credits_id(reference: str) -> str:
    """One invoice, one ledger of its credits."""
    return f"{CREDITS_PREFIX}{reference}"


def amend_id(reference: str) -> str:
    """One invoice, one amendment at a time."""
    return f"amend/{reference}"


def event_id(provider: str, account: str, event: str) -> str:
    """One event of an account, one workflow, however often it arrives.

    A provider's id may be as long as it likes; a workflow's is 255 characters at most on SQL.
    """
    if len(event) > MOST_EVENT:
        event = hashlib.sha256(event.encode()).hexdigest()
    return f"event/{provider}/{account}/{event}"


def feed_id(provider: str, account: str) -> str:
    """One poller per account."""
    return f"feed/{provider}/{account}"


def money_id(reference: str) -> str:
    """What hears of an invoice's money once its own workflow has ended."""
    return f"{MONEY_PREFIX}{reference}"


INVOICE_PREFIX = "invoice/"
MONEY_PREFIX = "money/"
CREDITS_PREFIX = "credits/"


def reconciliation_id(provider: str, account: str) -> str:
    """One account is reconciled once at a time."""
    return f"reconciliation/{provider}/{account}"


def notices_id(subscriber: str, about: str) -> str:
    """What posts the notices of one invoice or order, named by its workflow, to one subscriber."""
    return f"notices/{subscriber}/{about}"


def subscriber_queue(subscriber: str) -> str:
    """Where notices are posted from: a slow subscriber takes nobody else's slots."""
    return f"notices-{subscriber}"


def provider_queue(provider: str) -> str:
    """Where the calls to a provider are served, with slots and a rate of their own."""
    return f"provider-{provider}"


def fingerprint(request: InvoiceRequest | OrderRequest) -> dict[str, str]:
    """A digest per part of the request, to say where two requests differ without showing either.

    Numbers count by value: 12.5 and 12.50 are the same. What was left at its default has no part
    in it, so that a field that a later version adds does not make an old request another one.
    """
    parts = _said(request)
    del parts["document"]
    parts |= {f"document.{name}": part for name, part in _said(request.document).items()}
    return {name: digest(part) for name, part in parts.items()}


def content(fingerprint: dict[str, str]) -> str:
    """A digest of what goes onto the invoice: the document, and what only this provider has."""
    parts = {
        name: part
        for name, part in fingerprint.items()
        if name == "options" or name.startswith("document.")
    }
    return digest(parts)


def _said(model: BaseModel) -> dict[str, object]:
    """The fields that are not at their default."""
    defaults = _defaults(type(model))
    return {name: value for name, value in model if value != defaults[name]}


@cache
def _defaults(kind: type[BaseModel]) -> dict[str, object]:
    """By field. They are compared with and never handed out."""
    return {name: field.get_default() for name, field in kind.model_fields.items()}


def digest(part: object) -> str:
    """What a fingerprint says of one part."""
    text = json.dumps(part, sort_keys=True, default=_plainly)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _plainly(value: object) -> object:
    if isinstance(value, BaseModel):
        return _said(value)
    return plain(value) if isinstance(value, Decimal) else str(value)


def search_attributes(request: InvoiceRequest | OrderRequest) -> TypedSearchAttributes:
    """What lists show before the workflow itself has said anything."""
    pairs: list[SearchAttributePair[Any]] = [
        SearchAttributePair(attributes.PROVIDER, request.provider),
        SearchAttributePair(attributes.REFERENCE, request.reference),
        SearchAttributePair(attributes.STATUS, Status.STARTED.value),
    ]
    if due := request.document.due_date:
        pairs.append(SearchAttributePair(attributes.DUE_DATE, attributes.midnight(due)))
    return TypedSearchAttributes(pairs)


def credits_attributes(reference: str) -> TypedSearchAttributes:
    """The same of the credits of an invoice."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(attributes.REFERENCE, reference),
            SearchAttributePair(attributes.STATUS, Status.STARTED.value),
        ]
    )


def summary(request: InvoiceRequest | OrderRequest) -> str:
    """One line for the Web UI, free of personal data."""
    return f"{request.provider} · to be {request.goal}"
