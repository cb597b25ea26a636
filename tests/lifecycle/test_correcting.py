"""A correction brings the document, the options or both, whichever was wrong."""

from __future__ import annotations

import pytest

from invoicing.state.invoice import Status
from invoicing.state.questions import Answer, Reason
from tests.examples import a_document, an_invoice
from tests.lifecycle.world import Company
from tests.tiers import detail

GOOD = an_invoice("any").options


async def _parked_over_its_options(company: Company) -> str:
    """Two tax codes hold at its second rate, and nothing says which is meant."""
    reference = await company.start(options={})
    problem = (await company.parked(reference)).problem
    assert problem is not None
    assert problem.reason is Reason.REJECTED
    assert Answer.CORRECT in problem.answers
    return reference


async def test_what_is_wrong_in_the_options_is_mended_by_options(company: Company) -> None:
    reference = await _parked_over_its_options(company)
    await company.resolve(reference, Answer.CORRECT, options=GOOD)
    ended = await company.finished(reference)
    assert ended.status is Status.SENT
    assert company.effects(reference)[0] == "created"


@detail
async def test_a_correction_of_the_document_alone_keeps_the_options(company: Company) -> None:
    reference = await _parked_over_its_options(company)
    await company.resolve(reference, Answer.CORRECT, document=a_document())
    assert (await company.parked(reference)).status is Status.NEEDS_ATTENTION
    both = {"document": a_document(notes=("Mended",)), "options": GOOD}
    await company.resolve(reference, Answer.CORRECT, **both)
    assert (await company.finished(reference)).status is Status.SENT


async def test_options_come_with_a_correction_alone(company: Company) -> None:
    reference = await _parked_over_its_options(company)
    with pytest.raises(ValueError, match="correct, and only correct, comes with document or opt"):
        await company.resolve(reference, Answer.RETRY, options=GOOD)
