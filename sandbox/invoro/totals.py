"""What an invoice of Invoro's adds up to, in integer cents (EN 16931, BR-CO-10 to 17).

An item's net is price × quantity / base quantity, rounded half up, less its allowances plus its
charges. How the original rounds, and whether VAT per row or per item, is not documented (U).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any, NamedTuple

from sandbox.invoro.data import Json
from sandbox.invoro.words import Rounding


class Under(NamedTuple):
    """What one row of VAT is about."""

    category: str
    rate: Decimal


@dataclass(frozen=True)
class Row:
    """One row of VAT, in cents."""

    taxable: int
    tax: int


@dataclass(frozen=True)
class Sums:
    """All in cents."""

    items: int
    allowances: int
    charges: int
    paid: int
    rounding: int
    rows: dict[Under, Row]

    @property
    def exclusive(self) -> int:
        return self.items - self.allowances + self.charges

    @property
    def tax(self) -> int:
        return sum(row.tax for row in self.rows.values())

    @property
    def inclusive(self) -> int:
        return self.exclusive + self.tax

    def totals(self) -> dict[str, int]:
        """As the object `totals` has them."""
        return {
            "line_extension_amount": self.items,
            "tax_exclusive_amount": self.exclusive,
            "tax_inclusive_amount": self.inclusive,
            "tax_amount": self.tax,
            "allowance_total_amount": self.allowances,
            "charge_total_amount": self.charges,
            "paid_amount": self.paid,
            "payable_rounding_amount": self.rounding,
            "payable_amount": self.inclusive - self.paid + self.rounding,
        }


def half_up(amount: Decimal) -> int:
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))


def item_net(item: Json) -> int:
    """BT-131, in cents."""
    per = item.get("base_quantity")
    price = half_up(Decimal(item["price"]) * item["quantity"] / (1 if per is None else per))
    lowered = sum(adjustment(one, price) for one in item.get("allowances") or [])
    raised = sum(adjustment(one, price) for one in item.get("charges") or [])
    return price - lowered + raised


def adjustment(asked: Json, base: int) -> int:
    """An allowance or a charge: its amount, or its percentage of its base amount or of `base`."""
    if asked.get("amount") is not None:
        amount: int = asked["amount"]
        return amount
    of = asked.get("base_amount")
    return half_up(Decimal(base if of is None else of) * asked["percentage"] / 100)


def under(part: Json) -> Under:
    """Category and rate; without a category it is S above 0 % and Z at 0 % (U)."""
    rate = Decimal(part.get("tax_rate") or 0)
    return Under(part.get("tax_category") or ("S" if rate else "Z"), rate)


def summed(body: Json, rounding: Rounding) -> Sums:
    """What a well-formed body comes to, whatever totals it brings."""
    with localcontext(prec=80):
        items = [(under(item), item_net(item)) for item in body["items"]]
        net = sum(amount for _, amount in items)
        allowances = _adjustments(body.get("allowances"), net)
        charges = _adjustments(body.get("charges"), net)
        lowered = [(where, -amount) for where, amount in allowances]
        return Sums(
            items=net,
            allowances=sum(amount for _, amount in allowances),
            charges=sum(amount for _, amount in charges),
            paid=_total(body, "paid_amount") or 0,
            rounding=_rounding(body),
            rows=_rows([*items, *lowered, *charges], rounding),
        )


def _adjustments(asked: list[Json] | None, net: int) -> list[tuple[Under, int]]:
    return [(under(one), adjustment(one, net)) for one in asked or []]


def _rows(parts: Iterable[tuple[Under, int]], rounding: Rounding) -> dict[Under, Row]:
    groups: defaultdict[Under, list[int]] = defaultdict(list)
    for where, amount in parts:
        groups[where].append(amount)
    return {where: _row(where, amounts, rounding) for where, amounts in groups.items()}


def _row(where: Under, amounts: list[int], rounding: Rounding) -> Row:
    taxable = sum(amounts)
    taxed = amounts if rounding == "line" else [taxable]
    return Row(taxable, sum(half_up(Decimal(amount) * where.rate / 100) for amount in taxed))


def _total(body: Json, name: str) -> int | None:
    value: int | None = (body.get("totals") or {}).get(name)
    return value


def _rounding(body: Json) -> int:
    """The amount is asked for in two places; that of the totals counts (I)."""
    stated = _total(body, "payable_rounding_amount")
    header: int | None = (body.get("header") or {}).get("rounding_amount")
    return header or 0 if stated is None else stated


def breakdown(sums: Sums, body: Json) -> list[Json]:
    """The rows of VAT as `tax_breakdown` has them, with the reasons that were given for them."""
    reasons = {
        **{under(part): _reason(part, "tax_") for part in body["items"]},
        **{_under_row(row): _reason(row, "") for row in body.get("tax_breakdown") or []},
    }
    return [
        {
            "category_code": where.category,
            "rate": where.rate,
            "taxable_amount": row.taxable,
            "tax_amount": row.tax,
            **reasons.get(where, _reason({}, "")),
        }
        for where, row in sums.rows.items()
    ]


def _reason(part: Json, prefix: str) -> Json:
    names = ("exemption_reason", "exemption_reason_code")
    return {name: part.get(prefix + name) for name in names}


def _under_row(row: Json) -> Under:
    return under({"tax_category": row.get("category_code"), "tax_rate": row.get("rate")})


_NEEDED = {
    "line_extension_amount": "BR-CO-10",
    "tax_exclusive_amount": "BR-CO-13",
    "tax_amount": "BR-CO-14",
    "tax_inclusive_amount": "BR-CO-15",
    "payable_amount": "BR-CO-16",
}
_OPTIONAL = {"allowance_total_amount": "BR-CO-11", "charge_total_amount": "BR-CO-12"}


def contradictions(body: Json, sums: Sums) -> Iterator[tuple[str, str]]:
    """Where the totals a caller sent are not what the items come to; nothing is forgiven."""
    yield from _contradicting_totals(body, sums.totals())
    yield from _contradicting_rows(body.get("tax_breakdown") or [], dict(sums.rows))


def _contradicting_totals(body: Json, right: dict[str, int]) -> Iterator[tuple[str, str]]:
    for name, rule in (_NEEDED | _OPTIONAL).items():
        sent = _total(body, name)
        if sent is None and (name in _NEEDED or right[name]):
            yield f"totals.{name}", "is required unless calculate_totals is true"
        elif sent not in (None, right[name]):
            yield f"totals.{name}", f"must be {right[name]} [{rule}]"


def _contradicting_rows(rows: list[Json], left: dict[Under, Row]) -> Iterator[tuple[str, str]]:
    for index, row in enumerate(rows):
        right = left.pop(_under_row(row), None)
        if right is None:
            yield f"tax_breakdown.{index}", "is of no item, or stands twice [BR-CO-18]"
            continue
        if row.get("taxable_amount") != right.taxable:
            yield f"tax_breakdown.{index}.taxable_amount", f"must be {right.taxable} [BR-S-08]"
        if row.get("tax_amount") != right.tax:
            yield f"tax_breakdown.{index}.tax_amount", f"must be {right.tax} [BR-CO-17]"
    for where in left:
        yield "tax_breakdown", f"needs a row for {where.category} {where.rate} [BR-CO-18]"


def nothing_in(body: Json) -> Iterator[tuple[str, str]]:
    """Allowances and charges that name neither an amount nor a percentage (BR-31 to BR-44)."""
    items = ((f"items.{index}.", item) for index, item in enumerate(body["items"]))
    for at, owner in (("", body), *items):
        for kind in ("allowances", "charges"):
            for index, one in enumerate(owner.get(kind) or []):
                if _empty(one):
                    yield f"{at}{kind}.{index}.amount", "is required, or a percentage"


def _empty(asked: dict[str, Any]) -> bool:
    return asked.get("amount") is None and asked.get("percentage") is None
