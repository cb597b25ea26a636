"""What reading every other body costs, over its size: `python -m benchmarks.bodies [--quick]`.

Requests have a benchmark of their own, `benchmarks.doors`; here is what else anybody can send to
the gateway: instructions, webhooks, payloads to decrypt. Time and memory are measured as there, and
the exponent says how they grow: 1 is in proportion to what was sent.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import hmac
import io
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
from google.protobuf import json_format
from pydantic import SecretStr
from rich.table import Table
from temporalio.api.common.v1 import Payload, Payloads

from benchmarks.doors import Cost, beside, cost, exponent
from benchmarks.workbooks import write
from gateway import codec
from gateway.files import MOST_INVOICES, read_sheet
from gateway.problems import Trouble
from invoicing.attachment import digest_of, is_what_it_says
from invoicing.credits.amend import Amend
from invoicing.credits.credit import Credit
from invoicing.errors import InvoicingError
from invoicing.parse import read
from invoicing.provider import Delivery, Hooks
from invoicing.state.invoice import Resolve
from invoicing.state.order import CancelLines, Deliver
from invoicing.temporal.encryption import EncryptionCodec, new_key, read_keys
from settings.accounts import hooks
from tabular.wishes import Wishes
from terminal import screen

COMMAND = "python -m benchmarks.bodies"
SECRET = "a-secret-of-the-benchmark"  # noqa: S105
SOURCE = "198.51.100.7"
WHY = {"by": "somebody", "reason": "benchmark"}


@dataclass(frozen=True)
class Door:
    """One thing that takes bodies: what is sent to it, and what it does with it."""

    name: str
    sizes: tuple[int, ...]
    body: Callable[[int], bytes]
    read: Callable[[bytes], object]
    once: bool = False
    """Whether one turn is enough: it takes seconds."""


@dataclass(frozen=True)
class Figures:
    """Of one door, at one size."""

    size: int
    sent: int
    baseline: Cost
    read: Cost


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _ids(count: int) -> list[str]:
    return [f"{number}" for number in range(count)]


def _notes(count: int) -> bytes:
    document = {"currency": "EUR", "issue_date": "2026-06-30", "buyer": {"name": "B"}}
    line = {"name": "x", "quantity": "1", "unit_price": "1.00", "vat": {"rate": "21"}}
    lines = [{"id": one, **line} for one in _ids(count)]
    said = {**WHY, "question": "q1", "answer": "correct"}
    return _json({**said, "document": {**document, "lines": lines}})


def _delivery(count: int) -> bytes:
    return _json({"delivery": "d", "issue_date": "2026-06-30", "lines": _ids(count)})


def _cancellation(count: int) -> bytes:
    return _json({**WHY, "cancellation": "c", "lines": _ids(count)})


def _told(count: int) -> bytes:
    """What several providers' notifications have in common, and much that nobody asked for."""
    return _json({"_type": "paymentreceived", "invoiceId": "1", "more": ["x" * 10] * count})


def _mollie(count: int) -> bytes:
    at = datetime.now(UTC).isoformat()
    event = {"resource": "event", "id": "event_1", "type": "hook.ping", "createdAt": at}
    return _json({**event, "more": ["x" * 10] * count})


def _parts(count: int) -> bytes:
    one = {"invoiceReference": "INV-1", "customerNumber": "C-1"}
    documents = [{"documentType": "INVOICE", "documentInformation": [one] * count}]
    return _json({"type": "accounting/documentCreated", "documents": documents})


def _empty_parts(count: int) -> bytes:
    documents: list[dict[str, Any]] = [{"documentInformation": [{}] * count}]
    return _json({"type": "x", "documents": documents})


def _credit(count: int) -> bytes:
    lines = [{"id": one, "quantity": "1"} for one in _ids(count)]
    return _json({**WHY, "credit": "c", "lines": lines})


def _amendment(count: int) -> bytes:
    document = json.loads(_notes(count))["document"]
    made = {"reference": "B-2", "provider": "mollie", "document": document}
    return _json({**WHY, "amendment": "a", "invoice": made})


FILE = (
    *("reference", "provider", "currency", "issue_date", "buyer.name", "line.id", "line.name"),
    *("line.quantity", "line.unit_price", "line.vat.rate"),
)
FIGURES = frozenset({7, 8, 9})
"""Which of its columns are numbers."""


def _rows(count: int) -> Iterator[tuple[str, ...]]:
    """Of as many invoices as a file may have, or fewer: a line each, or more."""
    yield FILE
    for row in range(count):
        name, line = f"F-{row % MOST_INVOICES}", f"{row // MOST_INVOICES}"
        yield (name, "mollie", "EUR", "2026-06-30", "B", line, f"Meter {row}", "1", "89.5", "21")


def _csv(count: int) -> bytes:
    return "".join(f"{','.join(row)}\n" for row in _rows(count)).encode()


def _xlsx(count: int) -> bytes:
    out = io.BytesIO()
    write(out, _rows(count), FIGURES)
    return out.getvalue()


def _long_texts(count: int) -> bytes:
    """So many texts of a thousand characters, which are packed into next to nothing."""
    out = io.BytesIO()
    write(out, [FILE, *([f"{row:x<1000}"] for row in range(count))], frozenset())
    return out.getvalue()


def _jsonl(count: int) -> bytes:
    document = json.loads(_notes(10))["document"]
    asked = {"provider": "mollie", "document": document}
    return b"\n".join(_json({"reference": f"J-{each}", **asked}) for each in range(count))


def _sheet(ending: str) -> Callable[[bytes], object]:
    return lambda body: read_sheet(body, ending, Wishes())


def _put(body: bytes) -> object:
    """As an attachment is put, but for the store itself."""
    return is_what_it_says(body, "application/pdf") and digest_of(body)


def _payloads(count: int) -> bytes:
    return asyncio.run(payloads_of(_KEYS, count))


async def payloads_of(codec: EncryptionCodec, count: int) -> bytes:
    """So many small payloads, encrypted, as the Web UI sends them."""
    clear = Payload(metadata={"encoding": b"json/plain"}, data=b'"' + b"x" * 200 + b'"')
    sealed = await codec.encode([clear] * count)
    return json_format.MessageToJson(Payloads(payloads=sealed), indent=None).encode()


def _empty_payloads(count: int) -> bytes:
    return _json({"payloads": [{}] * count})


_KEYS = EncryptionCodec(read_keys(SecretStr(new_key("k"))))


def _as(model: type[Any]) -> Callable[[bytes], object]:
    return lambda body: read(model, body)


def _decrypt(body: bytes) -> object:
    return asyncio.run(codec.answer(_KEYS.decode, body))


def _signed(receiver: Hooks, header: str, prefix: str = "") -> Callable[[bytes], object]:
    def receive(body: bytes) -> object:
        signature = prefix + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        return receiver.receive(_delivered(body, {header: signature}))

    return receive


def _delivered(body: bytes, headers: dict[str, str]) -> Delivery:
    return Delivery(headers=headers, body=body, source=SOURCE, received=datetime.now(UTC))


def doors(http: httpx.AsyncClient) -> Iterator[Door]:
    """All of them."""
    receivers = hooks(
        {
            **{f"{name}_WEBHOOK_SECRETS": SECRET for name in ("MOLLIE", "INVORO", "ZERO_FRICTION")},
            "RIVERTY_NOTIFICATION_SOURCES": SOURCE,
        },
        http,
    )
    made = {name: accounts["default"] for name, accounts in receivers.items()}
    large = (100, 1000, 10_000, 70_000)
    yield Door("an answer with a document", (10, 100, 500, 1000), _notes, _as(Resolve))
    yield Door("a credit of lines", (10, 100, 500, 1000), _credit, _as(Credit))
    yield Door("an amendment", (10, 100, 500, 1000), _amendment, _as(Amend))
    yield Door("a delivery", (10, 100, 500, 1000), _delivery, _as(Deliver))
    yield Door("a cancellation of lines", (10, 100, 500, 1000), _cancellation, _as(CancelLines))
    yield Door("a delivery, too many lines", large, _delivery, _as(Deliver))
    zero = _signed(made["zero_friction"], "x-webhook-signature-256")
    mollie = _signed(made["mollie"], "x-mollie-signature", "sha256=")
    yield Door("a webhook of Zero Friction", large, _told, zero)
    yield Door("a webhook of Mollie", large, _mollie, mollie)
    invoro = _signed(made["invoro"], "x-signature-sha256", "sha256=")
    yield Door("a webhook of Invoro", large, _told, invoro)

    def notified(body: bytes) -> object:
        return made["riverty"].receive(_delivered(body, {}))

    yield Door("a notification of Riverty, in parts", (10, 50, 200, 500), _parts, notified)
    yield Door("the same, too many parts", (1000, 10_000, 30_000, 70_000), _empty_parts, notified)
    yield Door("payloads to decrypt", (10, 100, 1000, 10_000), _payloads, _decrypt)
    yield Door("empty payloads", (100, 1000, 10_000, 20_000), _empty_payloads, _decrypt)
    yield Door("too many empty payloads", (30_000, 100_000, 300_000), _empty_payloads, _decrypt)
    yield from _files()


def _files() -> Iterator[Door]:
    rows = (30, 300, 3000, 9000)
    yield Door("a file, CSV", rows, _csv, _sheet(".csv"), once=True)
    yield Door("a file, XLSX", (30, 300, 3000, 8000), _xlsx, _sheet(".xlsx"), once=True)
    yield Door(
        "the same, too many cells", (10_000, 20_000, 40_000), _xlsx, _sheet(".xlsx"), once=True
    )
    yield Door(
        "the same, long texts", (300, 3000, 30_000, 45_000), _long_texts, _sheet(".xlsx"), once=True
    )
    yield Door("a file, JSON lines", (3, 30, 100, 300), _jsonl, _sheet(".jsonl"), once=True)
    pdf = (1_000, 100_000, 10_000_000)
    yield Door("an attachment", pdf, lambda size: b"%PDF-1.7".ljust(size, b"x"), _put)


def examine(door: Door, turns: int) -> list[Figures]:
    """Send it every size."""
    return [_examined(size, door, 1 if door.once else turns) for size in door.sizes]


def _examined(size: int, door: Door, turns: int) -> Figures:
    body = door.body(size)

    def work() -> None:
        with suppress(InvoicingError, Trouble):
            door.read(body)

    alike = _as_json(body)
    baseline = cost(lambda: json.loads(alike), turns)
    return Figures(size, len(body), baseline, cost(work, turns))


def _as_json(body: bytes) -> bytes:
    """Itself, or, where it is none, a text of as many bytes."""
    try:
        json.loads(body)
    except ValueError:
        return b'"' + b"x" * len(body) + b'"'
    return body


def _table(door: Door, found: list[Figures]) -> Table:
    table = Table("how many", "sent", "read", "× json", "memory", "× sent", title=door.name)
    for one in found:
        table.add_row(
            f"{one.size}",
            f"{one.sent / 1000:.1f} kB",
            *beside(one.read, one.baseline),
            f"{one.read.memory / 1000:.0f} kB",
            f"{one.read.memory / one.sent:.1f}",
        )
    grows = exponent((one.sent, one.read.seconds) for one in found)
    held = exponent((one.sent, one.read.memory) for one in found)
    table.caption = f"exponent over what is sent: time {grows:.2f}, memory {held:.2f}"
    return table


async def main(turns: int) -> None:
    """Measure every door, and show each as soon as it is known."""
    console = screen()
    async with httpx.AsyncClient(verify=False) as http:  # noqa: S501
        each = [*doors(http)]
    for door in each:
        console.print(_table(door, await asyncio.to_thread(examine, door, turns)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog=COMMAND, description="Measure what a body costs.")
    parser.add_argument("--quick", action="store_true", help="one turn of each: a rough idea")
    asyncio.run(main(1 if parser.parse_args().quick else 5))
