"""What a calling Python service imports.

client = await InvoicingClient.connect("localhost:7233")
await client.invoices.start(request)      # the same request again is the same invoice
invoice = await client.invoices.result(request.reference)
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from temporalio.client import Client

from invoicing.client.amendments import Amendments
from invoicing.client.credits import CreditsRoom
from invoicing.client.documents import Documents
from invoicing.client.events import Events
from invoicing.client.invoices import Invoices
from invoicing.client.orders import Orders
from invoicing.client.pay_links import PayLinks
from invoicing.client.reconciliations import Reconciliations
from invoicing.client.shared import Failed
from invoicing.client.silence import why_silent
from invoicing.errors import (
    CutOff,
    EngineError,
    EngineRefused,
    Failing,
    Misread,
    NoNamespace,
    NotLetIn,
    NoWorker,
    ServerAway,
    Unreachable,
    WrongKey,
)
from invoicing.state.identity import TASK_QUEUE, workflow_id
from invoicing.temporal.asking import Execution, Refused
from invoicing.temporal.connection import connect, connected, converter, reach
from invoicing.temporal.lists import Listed, Page

__all__ = [
    "CutOff",
    "EngineError",
    "EngineRefused",
    "Execution",
    "Failed",
    "Failing",
    "InvoicingClient",
    "Listed",
    "Misread",
    "NoNamespace",
    "NoWorker",
    "NotLetIn",
    "Page",
    "Refused",
    "ServerAway",
    "Unreachable",
    "WrongKey",
    "connect",
    "converter",
    "reach",
    "web_page",
]


def web_page(web_ui: str, namespace: str, reference: str) -> str:
    """Where Temporal's Web UI, reached at `web_ui`, shows the invoice."""
    identity = quote(workflow_id(reference), safe="")
    return f"{web_ui.rstrip('/')}/namespaces/{namespace}/workflows/{identity}"


class InvoicingClient:
    """The rooms of the client, over a Temporal client that uses our `data_converter`.

    `invoices`, `orders`, `events`, `credits`, `documents`, `pay_links` and `reconciliations` each
    hold what can be done with one kind of thing. Whatever they raise is an InvoicingError:
    `invoicing.errors` has the tree of them, with what each is to its reader. A handle that they
    give is Temporal's own, and raises what Temporal raises.
    """

    def __init__(self, temporal: Client, *, task_queue: str = TASK_QUEUE) -> None:
        self.temporal = temporal
        self.task_queue = task_queue
        self.invoices = Invoices(temporal, task_queue)
        self.orders = Orders(temporal, task_queue)
        self.events = Events(temporal, task_queue)
        self.credits = CreditsRoom(temporal, task_queue)
        self.amendments = Amendments(temporal, task_queue)
        self.documents = Documents(temporal, task_queue)
        self.pay_links = PayLinks(temporal, task_queue)
        self.reconciliations = Reconciliations(temporal, task_queue)

    @classmethod
    async def connect(cls, address: str, **options: Any) -> InvoicingClient:
        """Connect to a Temporal server; `options` are those of temporalio's `Client.connect`.

        Raises Unreachable with a sentence that says why not, InvoicingError where the keys of
        INVOICING_ENCRYPTION_KEYS cannot be used.
        """
        if "data_converter" not in options:
            options["data_converter"] = converter()
        return cls(await connected(address, **options))

    async def why_silent(self, about: Execution | None = None) -> EngineError | None:
        """Why no worker answered a question, `about` this workflow if that is known: NoWorker,
        Failing or WrongKey. None: nothing is known to be wrong. Raises EngineError."""
        return await why_silent(self.temporal, self.task_queue, about)
