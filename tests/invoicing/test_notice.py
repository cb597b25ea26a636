from __future__ import annotations

from datetime import UTC, datetime

import pytest

from invoicing.errors import FieldProblem, Rejected
from invoicing.provider import PaymentStatus, Stage
from invoicing.request import OrderRequest
from invoicing.state.case import Case, InvoiceInput
from invoicing.state.identity import notices_id, workflow_id
from invoicing.state.invoice import Problem, Status, Waiting
from invoicing.state.notice import Notice, news, notice, refuse_unknown
from invoicing.state.order import CancelLines, invoice_reference
from invoicing.state.order_case import OrderCase
from invoicing.state.order_ledger import Ledger
from invoicing.state.questions import Answer, Reason
from tests.examples import a_document, an_invoice

NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
LATER = datetime(2026, 6, 30, 13, tzinfo=UTC)
ECHO = "Canaryson of Cage Street"
REQUEST = an_invoice("INV-7", subscriber="erp")


def asked(since: datetime = NOW) -> Case:
    """A case that waits for a person who is asked something that the provider wrote."""
    problem = Problem(
        reason=Reason.REJECTED,
        what="the provider refuses it",
        fields=(FieldProblem(field="buyer", message=ECHO),),
        question="q1",
        answers=(Answer.RETRY,),
    )
    return Case(problem=problem, waiting=Waiting(on="person", what="rejected", since=since))


def told(case: Case) -> Notice:
    return notice(case.shown(REQUEST), "run", 3, NOW)


def test_a_notice_says_what_the_state_says() -> None:
    case = Case(stage=Stage.SENT, number="2026-1")
    made = told(case)
    assert (made.id, made.type, made.sequence, made.timestamp) == (
        "run_3",
        "invoice.sent",
        3,
        NOW,
    )
    assert made.data == case.shown(REQUEST).model_dump(mode="json")


def test_what_a_provider_wrote_is_left_out() -> None:
    made = told(asked())
    assert made.type == "invoice.needs_attention"
    assert "the provider refuses it" in made.model_dump_json()
    assert ECHO not in made.model_dump_json()


def test_what_people_wrote_about_an_order_is_left_out() -> None:
    request = OrderRequest(reference="O-7", provider="zero_friction", document=a_document())
    case = OrderCase(ledger=Ledger.of(request.document))
    case.cancel_lines(CancelLines(cancellation="X", lines=("1",), by=ECHO, reason=ECHO))
    made = notice(case.shown(request), "run", 1, NOW)
    assert made.type == "order.started"
    assert made.data["cancellations"] == [
        {"cancellation": "X", "lines": ["1"], "quantities": {}, "outcome": None}
    ]


def test_an_id_has_nothing_of_the_caller_and_no_full_stop() -> None:
    made = notice(Case().shown(an_invoice("a.1.b")), "6f1e-7a", 12, NOW)
    assert made.id == "6f1e-7a_12"


@pytest.mark.parametrize(
    ("one", "another"),
    [
        (Case(), Case(stage=Stage.DRAFTED)),
        (Case(stage=Stage.SENT), Case(stage=Stage.SENT, payment=PaymentStatus.PAID)),
        (Case(), asked()),
        (asked(), asked(LATER)),
        (Case(stage=Stage.SENT), Case(stage=Stage.SENT, outcome=Status.SENT)),
    ],
    ids=["stage", "payment", "question", "another_question", "end"],
)
def test_what_differs_to_a_subscriber_is_news(one: Case, another: Case) -> None:
    assert news(one.shown(REQUEST)) != news(another.shown(REQUEST))


@pytest.mark.parametrize(
    ("one", "another"),
    [
        (Case(stage=Stage.APPROVING), Case(stage=Stage.APPROVING, provider_status="in progress")),
        (asked(), asked()),
        (
            Case(stage=Stage.SENT),
            Case(stage=Stage.SENT, waiting=Waiting(on="provider", what="payment", since=LATER)),
        ),
    ],
    ids=["provider_s_word", "same_question", "waiting"],
)
def test_what_is_the_same_to_a_subscriber_is_none(one: Case, another: Case) -> None:
    assert news(one.shown(REQUEST)) == news(another.shown(REQUEST))


def test_an_unknown_subscriber_is_refused_with_those_there_are() -> None:
    refuse_unknown(None, ())
    refuse_unknown("erp", {"erp": 1, "crm": 2})
    with pytest.raises(Rejected, match=r"'shop' is not configured .*; it has: crm, erp") as refused:
        refuse_unknown("shop", ("erp", "crm"))
    assert [each.field for each in refused.value.fields] == ["subscriber"]
    with pytest.raises(Rejected, match="it has: none"):
        refuse_unknown("shop", ())


def test_an_id_of_any_invoice_fits() -> None:
    """A workflow's id has 255 characters at most on SQL."""
    longest = workflow_id(invoice_reference("r" * 100, "d" * 50))
    assert len(notices_id("s" * 50, longest)) <= 255


def test_two_subscribers_of_one_reference_get_each_its_own() -> None:
    """A reference that was rejected may begin again, and name another one."""
    about = workflow_id("INV-7")
    assert notices_id("erp", about) != notices_id("crm", about)


def test_what_was_told_is_carried_over_and_may_be_missing() -> None:
    case = Case(told="sent", notices=4)
    carried = InvoiceInput.model_validate({**dict(REQUEST), "resumed": case.model_dump()})
    assert carried.resumed is not None
    assert (carried.resumed.told, carried.resumed.notices) == ("sent", 4)
    assert carried.request() == REQUEST
    assert (Case().told, Case().notices) == ("", 0)
