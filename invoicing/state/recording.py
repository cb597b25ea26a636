"""What the register is told of an invoice or an order: how it is now, and each thing that happened.

Told from the same news as subscribers are, and by the same outbox (workflows/kit/outbox.py).
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from pydantic import JsonValue

from invoicing.balance import Statement
from invoicing.model import Recorded
from invoicing.money import Number
from invoicing.provider import Echo
from invoicing.state.credited import CreditedSoFar
from invoicing.totals import VatRow


class Line(Recorded):
    """One thing that happened, in order and for good."""

    sequence: int
    """Its place among what one chain of runs has told, from 1."""
    at: datetime
    status: str
    """The one word for the state, after it."""
    what: str
    by: str = ""
    """Who wanted it."""
    reason: str = ""
    proven: str = ""
    """Who was shown to have said it, by the door that let it in."""
    answers: bool = False
    """Whether `by` answered a question; else they asked for it unasked."""


class Row(Recorded):
    """One invoice or order as it is now. What a successor needs to go on with it is in it, too.

    Amounts are in `currency`; None where nothing is known about one yet.
    """

    provider: str
    account: str
    goal: str
    status: str
    stage: str = ""
    payment: str = ""
    provider_status: str = ""
    provider_id: str | None = None
    number: str | None = None
    in_doubt: bool = False
    may_come_until: datetime | None = None
    """Until when a create whose answer was lost may still take effect."""
    ended: bool = False
    outcome: str = ""
    """How it ended. `status` may be a question about what has come to light since."""

    currency: str = ""
    net: Number | None = None
    vat: Number | None = None
    gross: Number | None = None
    due: Number | None = None
    """What is to be paid: gross less what was prepaid, rounded as the document says."""
    paid: Number | None = None
    """Of `due`. None: a part of it, and nobody has said how much; or nothing is known."""
    credited: Number | None = None
    """Of `gross`."""
    left_to_pay: Number | None = None
    """This and the next four as in the invoice's balance."""
    too_much: Number | None = None
    refunded: Number | None = None
    charged_back: Number | None = None
    returned: Number | None = None
    collection: str = ""
    """How far its reminders or its collection have got, in the provider's word."""
    vat_rows: tuple[VatRow, ...] = ()

    issue_date: date | None = None
    due_date: date | None = None
    buyer: str = ""
    order: str | None = None
    """The workflow of the order that it delivers a part of, or of the credits that it is one of."""
    credit_note: bool = False
    """It gives money back: its amounts are above zero, and count the other way."""
    credits: str | None = None
    """The reference of the invoice that it takes back, where that is one of ours."""

    says: Echo | None = None
    """What the provider's invoice is to say, with the buyer as it names them; a figure that is left
    to the provider is None."""
    generation: int = 0
    context: dict[str, JsonValue] = {}
    keys: tuple[str, ...] = ()
    attached: tuple[str, ...] = ()
    cancelling: bool = False
    """Whether it was being taken back."""
    held: bool = False
    """Whether a person held it."""
    corrected: bool = False
    """Whether a person had it made from another document than was asked for first."""
    wanted: str = ""
    """Then a digest of the content that they wanted last. The claim that brings that is made a
    moment later."""
    draft: str = ""
    """Where it was corrected: a digest of the content that has what `provider_id` names; empty
    where that may still be an earlier one."""
    without: tuple[str, ...] = ()
    """The steps that a person said to go on without."""
    tolerated: str = ""
    """A digest of the differences that a person lets stand."""
    foreign: tuple[str, ...] = ()
    """Ids of what carries our reference there, and is none of ours, as a person said."""
    money: Statement | None = None
    """All that the provider has stated of its money."""
    most_paid: Number = Decimal(0)
    credited_so_far: CreditedSoFar = CreditedSoFar()
    """What credit notes of ours have taken back: else it would look as if somebody had paid it."""
    heard_enough: bool = False
    """Whether nobody hears of its money any more."""


class RecordCall(Recorded):
    """Input of `record`: the row as it is after the last of these lines."""

    kind: Literal["invoice", "order"]
    reference: str
    claimant: str
    began: datetime
    row: Row
    lines: tuple[Line, ...]


class CreditsCall(Recorded):
    """Input of `record_credits`: what happened to the ledger of an invoice's credits. They are
    lines of the invoice's own journal, told by another; what stands for it they do not change."""

    kind: Literal["invoice"] = "invoice"
    reference: str
    """Of the invoice."""
    claimant: str
    """The chain of runs that began to write them: a ledger that goes on later counts on."""
    lines: tuple[Line, ...]
