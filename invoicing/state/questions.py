"""Every question that a person may be asked, as data: why it is asked, the answers, and what each
answer does at that question.

The workflows, the terminal, the Web UI's details, REST and docs/operate.md all show this one table.
One word means one thing, whatever the question; what follows from it is said per question.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Literal, NamedTuple, Self


class Answer(StrEnum):
    """What a person may say. The words name a fact that they have seen, or what they want."""

    means: str
    """What the word says, whatever the question."""

    def __new__(cls, word: str, means: str = "") -> Self:
        made = str.__new__(cls, word)
        made._value_, made.means = word, means
        return made

    # What to do
    RETRY = ("retry", "try the same again, after a fresh look where one is possible")
    WAIT = ("wait", "go on waiting, for as long again")
    MAKE_AGAIN = ("make_again", "make the invoice, or the order, anew")
    CORRECT = (
        "correct",
        "make it from the document or options with this; its draft is updated, or deleted",
    )
    ADOPT = ("adopt", "go on with the invoice of this id; others are none of ours")
    GO_WITHOUT = ("go_without", "go on without this step")
    RELEASE = ("release", "end the hold")
    ACCEPT = ("accept", "what the provider states instead is right as well, you have looked")
    KEEP = ("keep", "let the invoice stand: the cancel is withdrawn")
    ABANDON = ("abandon", "end here; whatever is at the provider stays as it is")

    # What is so
    HAPPENED = ("happened", "the provider did what the question names")
    DID_NOT_HAPPEN = ("did_not_happen", "the provider did not do what the question names")
    ALONE = ("alone", "there is no second invoice: what else was found is none of ours")

    # Of an order's delivery
    INVOICED = ("invoiced", "the lines are on an invoice, under this number")
    FREE = ("free", "the lines are on no invoice: they are open again")

    # Of an event
    DELIVER = ("deliver", "it is about the invoice or order with this reference")
    DROP = ("drop", "nobody needs it")


class Reason(StrEnum):
    """Why something waits for a person: the key of its question."""

    REJECTED = "rejected"
    PROVIDER_UNAVAILABLE = "provider_unavailable"
    CREDENTIALS_REFUSED = "credentials_refused"
    NOT_UNDERSTOOD = "not_understood"
    UNKNOWN_STATUS = "unknown_status"

    MAY_EXIST = "may_exist"
    CANNOT_TELL = "cannot_tell"
    SEVERAL_FOUND = "several_found"
    OLD_CONTENT = "old_content"
    CANNOT_SEARCH = "cannot_search"
    STRAY_FOUND = "stray_found"

    GONE = "gone"
    DRAFT_FAILED = "draft_failed"
    DRAFT_OVERDUE = "draft_overdue"
    AMOUNTS_DIFFER = "amounts_differ"
    APPROVAL_FAILED = "approval_failed"
    APPROVAL_OVERDUE = "approval_overdue"
    SENDING_FAILED = "sending_failed"
    SENDING_OVERDUE = "sending_overdue"
    DELIVERY_OVERDUE = "delivery_overdue"
    PAYMENT_OVERDUE = "payment_overdue"
    HOLD_OVERDUE = "hold_overdue"
    CANNOT_CANCEL = "cannot_cancel"

    ORDER_REFUSED = "order_refused"
    ORDER_OVERDUE = "order_overdue"
    LINES_NOT_CANCELLED = "lines_not_cancelled"
    DELIVERY_UNCLEAR = "delivery_unclear"

    CREDIT_UNCLEAR = "credit_unclear"

    EVENT_UNPLACED = "event_unplaced"
    EVENT_AMBIGUOUS = "event_ambiguous"


class Question(NamedTuple):
    """One row of the table.

    `sentence` is what is asked where the workflow has nothing more exact to say. `answers` are all
    that may be given, with what each does at this question; the workflow offers those of them that
    fit the moment. `news_may_settle`: whether what the provider tells or shows may answer it.
    `of`: what asks it; an order asks some of an invoice's questions, too.
    """

    sentence: str
    answers: Mapping[Answer, str]
    news_may_settle: bool = True
    of: Literal["invoice", "order", "credits", "event"] = "invoice"


_END = {Answer.ABANDON: "end here; whatever is at the provider stays as it is"}
_LET_GO = {Answer.ABANDON: "end the order here; its invoices go on by themselves"}


def _question(sentence: str, *, news: bool = True, **answers: str) -> Question:
    given = {Answer(word): meaning for word, meaning in answers.items()}
    return Question(sentence, MappingProxyType({**given, **_END}), news)


def _of_an_order(sentence: str, **answers: str) -> Question:
    given = {Answer(word): meaning for word, meaning in answers.items()}
    return Question(sentence, MappingProxyType({**given, **_LET_GO}), of="order")


def _of_credits(sentence: str, **answers: str) -> Question:
    given = {Answer(word): meaning for word, meaning in answers.items()}
    return Question(sentence, MappingProxyType(given), news_may_settle=False, of="credits")


def _of_an_event(sentence: str) -> Question:
    answers = {
        Answer.RETRY: "look for its invoice again",
        Answer.DELIVER: "hand it to the invoice or order with the `reference` you give",
        Answer.DROP: "forget it: nobody needs it",
    }
    return Question(sentence, MappingProxyType(answers), news_may_settle=False, of="event")


QUESTIONS: Mapping[Reason, Question] = MappingProxyType(
    {
        Reason.REJECTED: _question(
            "the provider, or its adaptor, refuses this step",
            news=False,
            retry="try the step again: the cause is mended at the provider",
            correct="make it from the `document` or `options` you give: any draft is updated, or "
            "deleted",
            happened="you have seen at the provider that the step was done all the same",
            go_without="go on without this step: it is settled elsewhere, or not needed",
            keep="withdraw the cancel: the invoice stands and goes on",
        ),
        Reason.PROVIDER_UNAVAILABLE: _question(
            "the provider has given no usable answer for as long as was planned",
            news=False,
            retry="try the step again, for as long again",
            correct="make it from the `document` or `options` you give",
        ),
        Reason.CREDENTIALS_REFUSED: _question(
            "the provider has refused the account's credentials for as long as was planned",
            news=False,
            retry="try the step again, for as long again: they are renewed",
            correct="make it from the `document` or `options` you give",
        ),
        Reason.NOT_UNDERSTOOD: _question(
            "the provider's answer was not understood, several times in a row",
            news=False,
            retry="look again: it is mended at the provider, or here",
            correct="make it from the `document` or `options` you give",
        ),
        Reason.UNKNOWN_STATUS: _question(
            "the provider uses a word for the status that its adaptor does not know",
            wait="go on looking until it uses a word that is known",
            happened="you have seen at the provider that the step was done",
        ),
        Reason.MAY_EXIST: _question(
            "creating the draft was lost, and nobody can look from here: is it at the provider?",
            adopt="it is there: go on with the invoice that has the `provider_id` you give",
            happened="it is there, under our reference: go on with it",
            did_not_happen="it is NOT there, you have looked: create it now, unless cancelled",
            retry="look again from here",
        ),
        Reason.CANNOT_TELL: _question(
            "a call was lost, and nobody can look from here: did the provider do it?",
            happened="the provider did it, you have looked: go on from there",
            did_not_happen="the provider did NOT do it, you have looked: it is done again",
        ),
        Reason.SEVERAL_FOUND: _question(
            "more than one invoice carries our reference",
            retry="look again: you have deleted or credited all but one there",
            adopt="go on with the `provider_id` you give; the others are none of ours",
        ),
        Reason.OLD_CONTENT: _question(
            "a final invoice carries our reference, and may have an earlier content of it",
            adopt="its content is right, you have looked: go on with the `provider_id` you give",
            retry="look again: you have credited it there",
        ),
        Reason.CANNOT_SEARCH: _question(
            "the provider's search does not show our own invoice, so it cannot show a second one",
            news=False,
            wait="go on searching, for as long again",
            alone="ours is the only one with this reference, you have looked: go on",
        ),
        Reason.STRAY_FOUND: _question(
            "after the end, another invoice with our reference has come to light",
            news=False,
            retry="look again: you have deleted or credited it there",
            alone="it is none of ours: leave it",
        ),
        Reason.GONE: _question(
            "it was deleted or has failed at the provider, and not by us",
            make_again="make it again from the same document",
            adopt="go on with the invoice that has the `provider_id` you give",
        ),
        Reason.DRAFT_FAILED: _question(
            "the provider took the draft, and then refused it",
            make_again="make it again: the cause is mended at the provider",
            correct="make it from the `document` or `options` you give",
            happened="it is there after all, you have seen it: go on with it",
            did_not_happen="nothing of it is alive there, you have looked: make it by a new name",
        ),
        Reason.DRAFT_OVERDUE: _question(
            "the provider has not confirmed the draft",
            wait="go on waiting for the confirmation, for as long again",
            happened="it is there, you have seen it: go on with it",
        ),
        Reason.AMOUNTS_DIFFER: _question(
            "the provider's figures are not ours",
            retry="compare again: it is mended at the provider",
            happened="it stands there with OUR figures, you have looked: go on",
            make_again="it is none of ours, or you have deleted or credited it there: make it from "
            "the same document",
            correct="make it from the `document` or `options` you give: its draft is updated, or "
            "deleted",
            accept="let these days and texts stand as the provider states them; offered where no "
            "amount, and nothing of whose invoice it is, differs",
        ),
        Reason.APPROVAL_FAILED: _question(
            "the provider reports that approving failed",
            retry="approve again",
            correct="make it from the `document` or `options` you give: its draft is updated, or "
            "deleted",
            happened="it is approved after all, you have seen it",
        ),
        Reason.APPROVAL_OVERDUE: _question(
            "the provider has not finished approving",
            wait="go on waiting for the approval, for as long again",
            happened="it is approved, you have seen it",
            did_not_happen="it is NOT approved, nor under way, you have looked: approve it again",
        ),
        Reason.SENDING_FAILED: _question(
            "the provider reports that sending failed",
            retry="send again",
            go_without="count it as sent: it was handed over in another way",
        ),
        Reason.SENDING_OVERDUE: _question(
            "the provider has not sent it",
            wait="go on waiting, for as long again",
            go_without="count it as sent: it was handed over in another way",
            happened="it was sent, you have seen it",
            did_not_happen="it was NOT sent, nor is it under way, you have looked: send it again",
        ),
        Reason.DELIVERY_OVERDUE: _question(
            "nobody has reported it delivered",
            wait="go on waiting for the report, for as long again",
            go_without="count it as delivered: some networks never report it",
        ),
        Reason.PAYMENT_OVERDUE: _question(
            "it is not paid",
            wait="go on waiting for the money, for as long again",
            go_without="follow the payment no further: the invoice ends as it is",
        ),
        Reason.HOLD_OVERDUE: _question(
            "nobody has released it",
            news=False,
            wait="keep holding it, for as long again",
            release="end the hold: it goes on",
        ),
        Reason.CANNOT_CANCEL: _question(
            "it cannot be taken back",
            retry="try again to take it back",
            wait="go on waiting until it is gone, for as long again",
            keep="withdraw the cancel: the invoice stands and goes on",
            happened="it is taken back, you have seen it",
            did_not_happen="it is NOT taken back, nor under way, you have looked: it is done again",
        ),
        Reason.ORDER_REFUSED: _of_an_order(
            "the provider refused the order",
            make_again="register it again: the cause is mended at the provider",
            happened="the provider knows the order, you have seen it: go on",
        ),
        Reason.ORDER_OVERDUE: _of_an_order(
            "the provider has given no verdict on the order, or on a cancellation of lines",
            wait="go on waiting for the verdict, for as long again",
            happened="the provider did it, you have seen it: go on",
        ),
        Reason.LINES_NOT_CANCELLED: _of_an_order(
            "the provider refused to cancel lines of an order that is being taken back",
            retry="cancel them again: it is settled there",
        ),
        Reason.DELIVERY_UNCLEAR: _of_an_order(
            "a delivery's invoice ended, and nobody here knows whether it counts",
            invoiced="its lines are on an invoice at the provider, under the `number` you give",
            free="its lines are on no invoice, you have looked: they are open again",
        ),
        Reason.CREDIT_UNCLEAR: _of_credits(
            "a credit ended, and nobody here knows whether it counts",
            invoiced="it stands at the provider, under the `number` you give",
            free="it does not stand there, you have looked: what it was to credit is left again",
            abandon="leave it: it counts as credited, so that nothing is credited twice",
        ),
        Reason.EVENT_UNPLACED: _of_an_event(
            "no invoice and no order is listed under the names it gives"
        ),
        Reason.EVENT_AMBIGUOUS: _of_an_event(
            "several running invoices or orders are listed under the name it gives"
        ),
    }
)


def meaning(reason: Reason, answer: Answer) -> str:
    """What this answer does at this question."""
    return QUESTIONS[reason].answers[answer]
