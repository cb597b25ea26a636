"""What a request to Quiddly adds up to.

How Quiddly adds up is not documented beyond one example (two at 100 and 25 % are 200, 50 and 250),
so this arithmetic is chosen here (U), half up to the hundredth at every step:

    a row       price × quantity, less the discount, is `totalExclVat`; of that the `totalVat`.
                `total` is without VAT, as in the example, before or after the discount
    vats        per rate the sum of rows and fees; VAT rounded per row and added up, or per rate
    totals      `total` is `totalExclVat` and `totalVat`; what is to be paid is that plus the
                round-off, less the tax reduction
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from sandbox.quiddly.data import Json
from sandbox.quiddly.words import Rounding

NOTHING = Decimal(0)


def hundredths(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


@dataclass(frozen=True)
class Row:
    """A row or a fee: what it costs at first, without its discount, its VAT, its rate in %."""

    before: Decimal
    net: Decimal
    vat: Decimal
    rate: int


@dataclass(frozen=True)
class Sums:
    """What a request adds up to: its rows, per rate (taxable, VAT), and in all."""

    rows: Sequence[Row]
    vats: Mapping[int, tuple[Decimal, Decimal]]
    totals: Mapping[str, Decimal]


def summed(asked: Json, rounding: Rounding, *, rounds_off: bool) -> Sums:
    """Add a request up.

    Args:
        asked: its fields.
        rounding: VAT is rounded per row or per rate.
        rounds_off: what is to be paid is rounded to whole units here, whatever was asked.
    """
    free = bool(asked.get("reverseCharge"))
    rows = [_row(row, free=free) for row in asked["articleRows"]]
    parts = [*rows, *_fees(asked.get("fees") or {}, free=free)]
    vats = {rate: _at(rate, parts, rounding) for rate in dict.fromkeys(p.rate for p in parts)}
    net = sum((taxable for taxable, _ in vats.values()), NOTHING)
    vat = sum((vat for _, vat in vats.values()), NOTHING)
    return Sums(rows, vats, _totals(asked, net, vat, rounds_off=rounds_off))


def _row(asked: Json, *, free: bool) -> Row:
    quantity = Decimal(asked["quantity"].replace(",", "."))
    before = hundredths(asked["price"] * quantity)
    off = Decimal(asked["totalDiscount"])
    if asked["discountType"] == "PERCENTAGE":
        off = hundredths(before * off / 100)
    return _taxed(before, before - off, asked["vatPercentage"], free=free)


def _fees(fees: Json, *, free: bool) -> Iterator[Row]:
    """Fees count as rows: in the VAT of their rate and in the totals (I)."""
    for name in ("administration", "freight"):
        if fees.get(name):
            amount = Decimal(fees[name])
            # That its percentage is missing is a mistake of its own, named elsewhere.
            yield _taxed(amount, amount, fees.get(f"{name}VatPercentage") or 0, free=free)


def _taxed(before: Decimal, net: Decimal, rate: int, *, free: bool) -> Row:
    return Row(before, net, NOTHING if free else hundredths(net * rate / 100), int(rate))


def _at(rate: int, parts: Iterable[Row], rounding: Rounding) -> tuple[Decimal, Decimal]:
    alike = [part for part in parts if part.rate == rate]
    taxable = sum((part.net for part in alike), NOTHING)
    vat = sum((part.vat for part in alike), NOTHING)
    # Without VAT, because the buyer owes it, there is none of the sum either.
    return taxable, hundredths(taxable * rate / 100) if vat and rounding == "rate" else vat


def _totals(asked: Json, net: Decimal, vat: Decimal, *, rounds_off: bool) -> dict[str, Decimal]:
    given, total = asked["totals"], net + vat
    reduction = Decimal(given.get("taxReduction") or 0)
    off = Decimal(given.get("totalRoundOff") or 0)
    if rounds_off:
        off = (total - reduction).quantize(Decimal(1), ROUND_HALF_UP) - (total - reduction)
    due = total + off - reduction
    rate = Decimal((asked.get("currency") or {}).get("exchangeRate") or 1)
    return {
        "taxReduction": reduction,
        "total": total,
        "totalExclVat": net,
        "totalRoundOff": off,
        "totalToPay": due,
        "totalToPayBase": hundredths(due * rate),
        "totalVat": vat,
    }


def contradictions(asked: Json, sums: Sums) -> dict[str, str]:
    """Every figure of a request that is not what it adds up to, by its path."""
    return dict(
        [
            *_in_rows(asked["articleRows"], sums),
            *_in_vats(asked["vats"], sums),
            *_in_totals(asked["totals"], sums),
        ]
    )


def _in_rows(rows: Sequence[Json], sums: Sums) -> Iterator[tuple[str, str]]:
    for index, (row, part) in enumerate(zip(rows, sums.rows, strict=True)):
        at = f"articleRows.{index}"
        if row["total"] not in (part.before, part.net):
            yield f"{at}.total", f"should be {part.net}"
        yield from _differing(at, row, {"totalExclVat": part.net, "totalVat": part.vat})


def _in_vats(vats: Sequence[Json], sums: Sums) -> Iterator[tuple[str, str]]:
    """Every rate that is charged has one entry; one at 0 % may be left out (I)."""
    stated = [int(vat["percentage"]) for vat in vats]
    for rate in sums.vats:
        if rate and rate not in stated:
            yield "vats", f"should have an entry for {rate} %"
    for index, (vat, rate) in enumerate(zip(vats, stated, strict=True)):
        if rate in stated[:index] or rate not in sums.vats:
            yield f"vats.{index}.percentage", f"{rate} % is charged by no row or listed before"
        else:
            names = ("totalTaxable", "totalVat")
            right = dict(zip(names, sums.vats[rate], strict=True))
            yield from _differing(f"vats.{index}", vat, right)


def _in_totals(totals: Json, sums: Sums) -> Iterator[tuple[str, str]]:
    yield from _differing("totals", totals, sums.totals)
    if abs(sums.totals["totalRoundOff"]) >= 1:
        yield "totals.totalRoundOff", "should be less than one unit"


def _differing(at: str, stated: Json, right: Mapping[str, Decimal]) -> Iterator[tuple[str, str]]:
    for name, amount in right.items():
        if stated.get(name) is not None and stated[name] != amount:
            yield f"{at}.{name}", f"should be {amount}"
