"""Every bound on what is stored, in one place: the engine's, and ours, which are below them.

What goes over one of the engine's does not fail: the server *terminates* the workflow, between two
of its steps and without a word to anybody. So whatever can grow has a bound of ours, and a rule for
what happens there: a request or an instruction is refused while nothing has happened, what a
workflow remembers loses its oldest, and counts it.

Sizes are bytes of JSON as our converter writes it; see `written`. Pure functions only.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel
from pydantic_core import to_json

from invoicing.document import Document
from invoicing.errors import FieldProblem, TooLarge
from invoicing.provider import Event
from invoicing.request import InvoiceRequest, OrderRequest

Item = TypeVar("Item")

KIB = 1024
MIB = 1024 * KIB

# --- the engine's, at a server's defaults ---------------------------------------------------------

ENGINE_PAYLOAD = 2 * MIB
"""One input, result, signal, update or command. Who starts or signals gets an error (`Blob data
size exceeds limit`); a workflow whose command is larger is terminated.

One that is *given* a larger update can be terminated as well, even where its validator refuses it:
the refusal repeats the update. Only its sender can measure it, as our client and gateway do."""

ENGINE_ATTRIBUTE = 2_048
"""The value of one search attribute. A workflow that sets a longer one is terminated."""

ENGINE_HISTORY_BYTES = 50 * MIB
"""The history of one run, which is terminated there. The server suggests to continue as new at
4 MiB."""

ENGINE_HISTORY_EVENTS = 51_200
"""The same in events; suggested at 4,096."""

ENGINE_MESSAGE = 4 * MIB
"""One gRPC message: the answer to a workflow task with all its commands, or a start with its memo.
A larger one is not sent; a workflow task is tried again for ever."""

ENGINE_UPDATES = 2_000
"""Updates of one run. The next one is refused: the caller gets an error."""

ENGINE_SIGNALS = 10_000
"""Signals to one run. The next one is refused: its sender gets an error."""

ENGINE_CHILDREN = 2_000
"""Children of one run that have not ended. The task that starts one more fails, for ever."""

# --- ours: what comes in --------------------------------------------------------------------------

ENCRYPTED = 64 * KIB
"""Left free in every payload for what is around the JSON: the key's name, nonce and tag of an
encryption, which are under 1 KiB with ours, and more where a company has a codec of its own."""

REQUEST = 640 * KIB
"""A request for one invoice. A larger one is refused at every door, before anything has happened.

When the invoice continues as new, one input carries at most, in KiB:

    640  the request
    640  a person's answer: the corrected document that is to replace it
    288  PLAN: the plan, with a total for each of 1,200 lines
    128  CONTEXT: what the adaptor has learned
     64  JOURNAL_BYTES
    128  INBOX_BYTES
     32  SEEN_BYTES
     32  LINES_BYTES: what is not in the register yet
     32  SAID_BYTES: what is wrong, and what else a provider said about it
     64  ENCRYPTED
    ----
    2048 ENGINE_PAYLOAD

The largest input of a call, `create`, has the document, the options, the totals and the context."""

ORDER = 512 * KIB
"""A request for an order. A larger one is refused at every door. Continued, it is, in KiB:

    512  the request
    288  PLAN
     32  LINES_BYTES
    128  CONTEXT
    768  GROWN: ledger, deliveries, cancellations, and what was asked for
     64  JOURNAL_BYTES
    128  INBOX_BYTES
     32  SEEN_BYTES
     32  SAID_BYTES
     64  ENCRYPTED
    ----
    2048 ENGINE_PAYLOAD"""

INSTRUCTION = 128 * KIB
"""What is asked of something that runs: a delivery, a cancellation of lines. A larger one is
refused. A document that corrects an invoice may be as large as a request."""

PLAN = 288 * KIB
"""What planning may add: a total for each of 1,200 lines takes about 75 KiB of it, and nearly all
with the longest ids and amounts. A request whose plan is larger is refused; see `refuse_plan`."""

CONTEXT = 128 * KIB
"""What an adaptor may learn about one invoice or order: references, never texts. An answer that
would go over it is not taken in; see `refuse_context`."""

GROWN = 768 * KIB
"""What an order comes to beside its request, and what the credits of an invoice come to beside what
is known of that. One more delivery or cancellation is refused once
there is no room for it; see `refuse_without_room`."""

TOLD = MIB
"""One event as a provider tells it. A larger one is refused at the door: it cannot be handed to its
adaptor. What an invoice keeps of it is less, EVENT_BYTES."""

# --- ours: what is remembered ---------------------------------------------------------------------

JOURNAL = 300
"""Entries of a journal; the oldest go, and are counted."""

JOURNAL_BYTES = 64 * KIB
"""All of them together; the oldest go, and are counted."""

ENTRY_CHARACTERS = 1_000
"""What one entry may say; a longer text is cut, and says so."""

LINES_BYTES = 32 * KIB
"""What waits for a register that is away, as far as the next run has room for it. Nothing of it is
ever given up: a run with more goes on as it is, as long as its history may grow."""

EVENT_BYTES = 32 * KIB
"""One event in an inbox. A larger one is kept without its body, as the word that there is news."""

INBOX_BYTES = 128 * KIB
"""The events that wait for the next look, all together; the oldest go, and are counted."""

SEEN = 500
"""Ids of events that are known again; the oldest go, and such an event is one more look."""

SEEN_BYTES = 32 * KIB
"""All of them together; the oldest go."""

NOTICES_BYTES = MIB
"""The notices that wait for one subscriber, all together; the oldest are given up, and show. The
last one always has room: a state is smaller."""

DROPPED = 100
"""Notices that were given up, with why; of older ones there is a count."""

SAID_BYTES = 32 * KIB
"""What a provider or an adaptor says is wrong, field by field; the rest is left out, and counted
in a last entry."""

# --- ours: what lists show ------------------------------------------------------------------------

KEYS_BYTES = 1_792
"""The names in `InvoiceKeys`. The invoice's own stay, then of all others the latest that fit."""

ATTRIBUTE_CHARACTERS = 255
"""Any other search attribute, which is as wide on SQL; a longer text is cut."""

# --- ours: what a run may come to -----------------------------------------------------------------

HISTORY_BYTES = 8 * MIB
"""A run continues as new there at the latest, where it may wait. So it does wherever the server
suggests it, which is sooner unless somebody has configured it otherwise."""

HISTORY_EVENTS = 3_500
"""The same in events. A signal is one event, and an update at least two: so this keeps a run below
ENGINE_SIGNALS and ENGINE_UPDATES, too."""

RENEWED_AGAIN = 500
"""A run that is too large to continue as new tries again after so many events more."""

BEGUN_BYTES = 2 * MIB
"""Invoices that an order begins in one workflow task, all together: they are one gRPC message, see
ENGINE_MESSAGE. The others are begun in the next tasks."""

CREDITS_UNDER_WAY = 200
"""Credits of one invoice that are under way at once; one more is refused until some are final."""

CHILDREN = 500
"""Children that one run has at once; more are begun once some of them have ended."""


# --- measuring ------------------------------------------------------------------------------------


def written(value: Any) -> bytes:
    """The JSON that is stored for a value. A model's empty fields are not written out; what is None
    inside a dictionary of somebody else's is."""
    return to_json(value, exclude_none=True)


def stored(value: Any) -> int:
    """How many bytes that is."""
    return len(written(value))


# --- refusing -------------------------------------------------------------------------------------

_SHORTEN = "use fewer lines or shorter texts"


def refuse_too_large(request: InvoiceRequest | OrderRequest) -> None:
    """Raise TooLarge for a request that no workflow could carry to its end."""
    if isinstance(request, OrderRequest):
        _refuse("this order", request, ORDER, f"{_SHORTEN}, or make several orders of it")
    else:
        _refuse("this request", request, REQUEST, f"{_SHORTEN}, or make several invoices of it")


def refuse_correction(request: InvoiceRequest, document: Document) -> None:
    """Raise TooLarge where the request with this document in it would be too large."""
    refuse_too_large(request.model_copy(update={"document": document}))


def refuse_instruction(wanted: BaseModel) -> None:
    """Raise TooLarge for an instruction that is larger than any may be."""
    corrects = getattr(wanted, "document", None) is not None
    _refuse("this instruction", wanted, REQUEST if corrects else INSTRUCTION, _SHORTEN)


def refuse_plan(plan: BaseModel) -> None:
    """Raise TooLarge where what was planned cannot be carried through its life."""
    _refuse("the plan for this request", plan, PLAN, _SHORTEN)


def refuse_context(known: Mapping[str, Any], learned: Mapping[str, Any]) -> None:
    """Raise TooLarge where an adaptor has learned more than can be carried through a life."""
    what = "what the adaptor has learned about it"
    _refuse(what, {**known, **learned}, CONTEXT, "this is a defect of the adaptor")


def refuse_event(event: Event) -> None:
    """Raise TooLarge for an event that cannot be handed to its adaptor."""
    _refuse("this event", event, TOLD, "let the provider tell less, or tell its id alone")


def refuse_without_room(wanted: BaseModel, *grown: object) -> None:
    """Raise TooLarge where an order has no room for one more delivery or cancellation.

    `grown` is what it carries beside its request: its ledger, what was asked for, its deliveries
    and its cancellations. One more is in them twice, and leaves its name and a number on each line,
    and one more part of each of which it takes but a part.
    """
    lines: Sequence[str] = getattr(wanted, "lines", ())
    parts: Mapping[str, object] = getattr(wanted, "quantities", {})
    size = sum(map(stored, grown)) + 2 * stored(wanted) + _STATE
    size += _HELD * len(lines) + _PART * len(parts)
    if size > GROWN:
        raise TooLarge(
            f"this order has no room for more: with it, its deliveries and cancellations come to "
            f"{size:,} bytes as they are stored, and {GROWN:,} is the most; put what is left into "
            "another order, or more lines into one delivery"
        )


def refuse_credit_without_room(wanted: BaseModel, *grown: object) -> None:
    """Raise TooLarge where an invoice has no room for one more credit: `grown` is what its credits
    come to so far. One more is in them twice, and what it takes of each part once."""
    size = sum(map(stored, grown)) + 3 * stored(wanted) + _STATE
    if size > GROWN:
        raise TooLarge(
            f"this invoice has no room for more credits: with this one, they come to {size:,} "
            f"bytes as they are stored, and {GROWN:,} is the most; credit more at once"
        )


_STATE = 512
"""What a delivery or cancellation adds of itself: its invoice's reference, status and number."""
_HELD = 200
"""And on each of its lines: who has it, and the invoice's number."""
_PART = 250
"""And of a line of which it takes a part, the rest as a part of its own: the line's id, its status,
units and amount."""


def _refuse(what: str, value: object, most: int, instead: str) -> None:
    size = stored(value)
    if size > most:
        raise TooLarge(
            f"{what} is too large: it takes {size:,} bytes as it is stored, and {most:,} is the "
            f"most; {instead}"
        )


# --- remembering ----------------------------------------------------------------------------------


class Kept(NamedTuple):
    """An inbox after one more event; `dropped`: how many lost their body, or went."""

    events: tuple[Event, ...]
    dropped: int = 0


def received(inbox: Sequence[Event], event: Event) -> Kept:
    """The inbox with one more event. The newest one is always in it."""
    fits = stored(event) <= EVENT_BYTES
    taken = event if fits else event.model_copy(update={"body": {}})
    events = newest((*inbox, taken), INBOX_BYTES)
    return Kept(events, len(inbox) + 1 - len(events) + (not fits))


def remembered(seen: Sequence[str], event: str) -> tuple[str, ...]:
    """The ids that are known again, with one more."""
    return newest((*seen, event)[-SEEN:], SEEN_BYTES)


def said(problems: Sequence[FieldProblem]) -> tuple[FieldProblem, ...]:
    """As many of these as are kept, in their order; the last one says how many are not."""
    kept, size = 0, _LAST
    for problem in problems:
        size += stored(problem) + 1
        if size > SAID_BYTES:
            break
        kept += 1
    left = len(problems) - kept
    more = (FieldProblem(field="…", message=f"and {left} more"),) if left else ()
    return (*problems[:kept], *more)


_LAST = 64
"""Room for the brackets, and for the entry that counts the rest."""


def carried(begin: BaseModel) -> int:
    """How many bytes a run that begins with this takes too many; 0 where it fits."""
    return max(0, stored(begin) - (ENGINE_PAYLOAD - ENCRYPTED))


def newest(items: tuple[Item, ...], most: int) -> tuple[Item, ...]:
    """The last of these that fit into so many bytes; the very last one in any case."""
    size, kept = 2, 0
    for item in reversed(items):
        size += stored(item) + 1
        if kept and size > most:
            break
        kept += 1
    return items[len(items) - kept :]


# --- listing --------------------------------------------------------------------------------------


def listed_keys(own: Iterable[str], others: Iterable[str] = ()) -> list[str]:
    """The names that lists find an invoice by, each once: its own, then the latest of the others.

    One that has no room on its own is left out: nobody could search for it anyway.
    """
    kept: list[str] = []
    wanted = dict.fromkeys((*own, *reversed(tuple(others))))
    size = 2
    for name in wanted:
        more = len(json.dumps(name)) + 1
        if size + more <= KEYS_BYTES:
            kept.append(name)
            size += more
    return kept


def shown(text: str) -> str:
    """A text as a search attribute has it: cut where it is longer than that may be."""
    if len(text) <= ATTRIBUTE_CHARACTERS:
        return text
    return f"{text[: ATTRIBUTE_CHARACTERS - 1]}…"
