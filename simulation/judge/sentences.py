"""What is promised, as sentences, and one promise broken."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class Sentence(Enum):
    """What is promised, each in the words of the README or what they come to."""

    NEVER_TWO = "never two: one reference is one invoice, and no second one is alive beside it"
    ONE_IN_THE_END = "exactly one correct invoice comes out, or none where it was taken back"
    NO_STRAY = "whatever is left at the provider, a person was told of it"
    RIGHT_CONTENT = "never a wrong invoice: what is made final is what was asked for last"
    RIGHT_AMOUNT = "never a wrong amount: figures are compared before anything irreversible"
    AMOUNT_TOLD = "an amount that came to be wrong behind our back is a question"
    CANCEL_HOLDS = "after a cancel was acknowledged nothing is sent"
    HOLD_HOLDS = "a hold that was acknowledged stops the next irreversible step"
    NOT_BEFORE_ITS_DAY = "nothing is sent before its day"
    SENT_ONCE = "the buyer gets it once: a call whose outcome is unknown is not repeated"
    LINE_ONCE = "each line of an order ends invoiced or cancelled, once"
    NEVER_MORE = "of no invoice is more credited than was invoiced"
    CREDIT_TRUE = "what the ledger of credits says is so at the provider, to the cent"
    AMEND_CREDITS_FIRST = "an amended invoice is credited in whole before the new one is asked for"
    AMEND_TRUE = "what an amendment says at its end is so, and it makes what was asked for, once"
    TWO_PEOPLE = "where an account asks for two people, nothing is done on the word of fewer"
    NO_SILENCE = "never a silent end: every wait has a deadline, or a person who is told"
    TRUE_ANSWERS = "every parked invoice has a list of safe answers, one of them true"
    OWN_QUESTION = "an answer is never taken for another question than its own"
    TRUE_END = "what it says at its end is so at the provider"
    KEPT = "one reference is one invoice, also when Temporal has forgotten it"
    MONEY_TRUE = "amounts are as the provider states them; what does not follow is not known"
    MONEY_ADDS_UP = "due + costs = credited + paid + left - too much + unexplained"
    MONEY_HEARD = "after its end an invoice goes on hearing of its money, and looks by itself"
    MONEY_LOOKS = "what hears of money changes nothing at the provider"
    PAID_NO_MORE = "after a chargeback an invoice is not paid any more, and says so"
    TOLD = "a subscriber is told of each change in order, and its last word is so"
    ROW = "what hears of money is in the register, too"
    PAPER_KEPT = "the document that a provider makes of a final invoice is kept, as it was made"
    KEPT_ONCE = "a document is fetched once, and kept once"
    ENDS = "every life comes to its end"
    REPLAYS = "a recorded life can be lived again"


@dataclass(frozen=True, slots=True)
class Violation:
    """One promise broken."""

    sentence: Sentence
    what: str
    at: datetime
