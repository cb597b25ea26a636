"""Master data that changed at the provider since it was kept: no wrong invoice comes of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from benchmarks.lifecycle import FEWEST
from invoicing.state.invoice import Status
from invoicing.state.questions import Answer, Reason
from sandbox import zero_friction as zf
from sandbox.kit.faults import When
from tests.lifecycle.world import Company
from tests.tiers import detail, slow


async def _kept(company: Company) -> Company:
    """What it needs of the master data is kept: an invoice was sent."""
    assert (await company.finished(await company.start())).status is Status.SENT
    return company


def _rate(company: Company, identity: str, percent: str) -> None:
    code: dict[str, Any] = company.stand_in.books.tax_codes[identity]
    for rate in code["rates"]:
        rate["rate"] = Decimal(percent)


def _replaced(company: Company, identity: str, by: str) -> None:
    codes: dict[str, Any] = company.stand_in.books.tax_codes
    codes[by] = {**codes[identity], "id": by}
    codes[identity] = {**codes[identity], "deleted": True}


async def test_a_second_invoice_takes_the_fewest_calls(company: Company) -> None:
    await _kept(company)
    before = company.stand_in.calls.counts
    assert (await company.finished(await company.start())).status is Status.SENT
    counts = company.stand_in.calls.counts
    made = {step: count - before[step] for step, count in counts.items() if count > before[step]}
    # How often it is read depends on how soon it is approved and sent.
    reads = made.pop("read")
    assert {**made, "read": min(reads, 3)} == FEWEST
    assert sum(FEWEST.values()) == 8


@detail
async def test_a_tax_code_that_was_replaced_is_looked_up_anew(company: Company) -> None:
    await _kept(company)
    new = "f0000000-0000-4000-8000-000000000121"
    _replaced(company, zf.TaxCodes.STANDARD, new)
    reference = await company.start()
    ended = await company.finished(reference)
    assert ended.status is Status.SENT
    assert not await company.violations(reference, ended)
    assert company.effects(reference).count("created") == 1


@slow
@pytest.mark.parametrize("disabled", [False, True])
async def test_a_tax_code_whose_rate_changed_is_asked_about_before_anything_is_final(
    company: Company, disabled: bool
) -> None:
    await _kept(company)
    _rate(company, zf.TaxCodes.STANDARD, "22")
    options = {
        "lines": {"2": {"tax_code": {"id": zf.TaxCodes.REDUCED}}},
        "disable_vat_calculation": disabled,
    }
    reference = await company.start(options=options)
    problem = (await company.parked(reference)).problem
    assert problem is not None
    assert problem.reason is Reason.AMOUNTS_DIFFER
    assert company.effects(reference) == ["created"]
    # Corrected, it is made with what is there now: the draft that was taken away has said so.
    _rate(company, zf.TaxCodes.STANDARD, "21")
    await company.resolve(reference, Answer.CORRECT, options=options)
    ended = await company.finished(reference)
    assert ended.status is Status.SENT
    assert not await company.violations(reference, ended)


def _refused(company: Company, when: When, times: int) -> None:
    company.stand_in.faults.place(
        zf.Step.CREATE, zf.Told.SUCCESS_FALSE, when=when, times=times, key="TAX_CODE_NOT_FOUND"
    )


@detail
async def test_a_draft_that_is_refused_for_a_list_and_made_all_the_same_is_found(
    company: Company,
) -> None:
    await _kept(company)
    _refused(company, "after", 1)
    reference = await company.start()
    ended = await company.finished(reference)
    assert ended.status is Status.SENT
    assert not await company.violations(reference, ended)
    assert company.effects(reference).count("created") == 1


@slow
async def test_what_is_refused_once_more_after_a_new_look_up_is_a_question(
    company: Company,
) -> None:
    await _kept(company)
    _refused(company, "before", 2)
    reference = await company.start()
    problem = (await company.parked(reference)).problem
    assert problem is not None
    assert [each.field for each in problem.fields] == ["TAX_CODE_NOT_FOUND"]
    assert company.effects(reference) == []
    await company.resolve(reference, Answer.RETRY)
    assert (await company.finished(reference)).status is Status.SENT
    assert company.effects(reference).count("created") == 1
