"""What a calling Python service imports.

client = await InvoicingClient.connect("localhost:7233")
await client.invoices.start(request)      # the same request again is the same invoice
invoice = await client.invoices.result(request.reference)
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from temporalio.client import Client

from invoicing.asking import Execution, Refused
from invoicing.booked import Booked
from invoicing.client.books import BooksRoom, NoRegister
from invoicing.client.credits import CreditsRoom
from invoicing.client.events import Events
from invoicing.client.invoices import Invoices
from invoicing.client.orders import Orders
from invoicing.client.shared import Failed
from invoicing.connection import Unreachable, connect, converter, reach
from invoicing.errors import CutOff
from invoicing.identity import TASK_QUEUE, workflow_id
from invoicing.lists import Listed, Page

__all__ = [
    "CutOff",
    "Execution",
    "Failed",
    "InvoicingClient",
    "Listed",
    "NoRegister",
    "Page",
    "Refused",
    "Unreachable",
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

    `invoices`, `orders`, `events` and `credits` each hold what can be done with one kind of thing,
    and `books` what the register knows, where the client is given one to read.
    """

    def __init__(
        self, temporal: Client, *, task_queue: str = TASK_QUEUE, register: Booked | None = None
    ) -> None:
        self.temporal = temporal
        self.task_queue = task_queue
        self.invoices = Invoices(temporal, task_queue)
        self.orders = Orders(temporal, task_queue)
        self.events = Events(temporal, task_queue)
        self.credits = CreditsRoom(temporal, task_queue)
        self.books = BooksRoom(temporal, task_queue, register)

    @classmethod
    async def connect(cls, address: str, **options: Any) -> InvoicingClient:
        """Connect to a Temporal server; `options` are those of temporalio's `Client.connect`."""
        if "data_converter" not in options:
            options["data_converter"] = converter()
        return cls(await Client.connect(address, **options))
