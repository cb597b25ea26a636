"""Documents of every kind that can be said, drawn at random; each is valid.

By `random` and not by Hypothesis, which takes five times as long to draw one as the judge to judge
it. A number draws the same document every time, so it is all that a failure need name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from invoicing.attachment import ENDINGS, MOST_ATTACHMENTS
from invoicing.codes import LISTS
from invoicing.document import Document
from invoicing.money import minor_units, rounded
from invoicing.totals import BOTH_ROUNDINGS, totals
from tests.invoicing import content

CURRENCIES = ("EUR", "EUR", "EUR", "SEK", "GBP", "CHF", "JPY", "ISK", "USD")
"""Of two decimals and of none. The norm has no amounts of three (BR-DEC-01 and its sisters)."""

_TAXED = (
    *({"rate": rate} for rate in ("21", "21.00", "9", "5.5", "2.1", "19.6", "27", "1")),
    *({"category": "L", "rate": rate} for rate in ("7", "0", "9.5")),
    *({"category": "M", "rate": rate} for rate in ("0.5", "4", "0")),
    {"category": "Z"},
    {"category": "Z", "rate": "0.00"},
    {"category": "E", "exemption_reason": "education"},
    {"category": "E", "exemption_code": "VATEX-EU-132"},
    {"category": "E", "exemption_reason": "art", "exemption_code": "VATEX-EU-I"},
)
_CHARGED_TO_THE_BUYER = ({"category": "AE"}, {"category": "AE", "exemption_code": "VATEX-EU-AE"})
_WITHIN_THE_UNION = ({"category": "K"}, {"category": "K", "exemption_reason": "within the Union"})
_EXPORTED = ({"category": "G", "rate": 0}, {"category": "G", "exemption_code": "VATEX-EU-G"})
_OUTSIDE = ({"category": "O"}, {"category": "O", "rate": "0", "exemption_reason": "a fine"})

_MIXES = (
    _TAXED[:1],
    _TAXED,
    _TAXED,
    _CHARGED_TO_THE_BUYER,
    _WITHIN_THE_UNION,
    (*_TAXED, *_WITHIN_THE_UNION, *_EXPORTED, *_CHARGED_TO_THE_BUYER),
    _EXPORTED,
    _OUTSIDE,
)
_TEXTS = ("Bird seed", '50 % <off> & "more"', "Zonnebloempitten ☀", "بذور", "x" * 100)
_CODES = {name: sorted(each.codes) for name, each in LISTS.items()}
_PERCENTS = ("2.5", "10", "33.333")

Drawn = dict[str, Any]


def document(number: int) -> Document:
    """The document of this number, in a currency that the norm's amounts fit."""
    return _Drawing(Random(number)).document()  # noqa: S311 (a test's chance)


class _Drawing:
    def __init__(self, random: Random) -> None:
        self._random = random

    def one(self, choices: Sequence[Any]) -> Any:
        return self._random.choice(choices)

    def text(self) -> str:
        return str(self.one(_TEXTS))

    def day(self) -> str:
        return str(date(2000, 1, 1) + timedelta(days=self._random.randrange(36_500)))

    def coin(self, one_in: int = 2) -> bool:
        return self._random.randrange(one_in) == 0

    def number(self, most: int, *decimals: int) -> Decimal:
        return Decimal(self._random.randint(1, most)).scaleb(-self.one(decimals))

    def some(self, make: Callable[[], Any], most: int = 2) -> list[Any]:
        """None in half of the cases."""
        return [make() for _ in range(self.coin() and self._random.randint(1, most))]

    def maybe(self, **fields: Callable[[], Any]) -> Drawn:
        """Each of these fields, or not: few of them or many."""
        one_in = self.one((2, 3, 9))
        return {name: make() for name, make in fields.items() if self.coin(one_in)}

    def identifier(self, of: str = "identifier_schemes", *, needed: bool = False) -> Drawn:
        named = needed or self.coin()
        return {"value": "5512345", **({"scheme": self.one(_CODES[of])} if named else {})}

    def endpoint(self) -> Drawn:
        return self.identifier("address_schemes", needed=True)

    def address(self) -> Drawn:
        text = self.text
        lines = self.maybe(street=text, additional=text, city=text, region=text)
        return {"country": self.one(("NL", "BE", "DE", "US", "GR")), **lines}

    def period(self) -> Drawn:
        return dict(zip(("start", "end"), sorted((self.day(), self.day())), strict=True))

    def contact(self) -> Drawn:
        mail = lambda: "a@example.com"  # noqa: E731
        return self.maybe(name=self.text, phone=lambda: "030", email=mail)

    def party(self) -> Drawn:
        return self.maybe(
            trading_name=self.text,
            registration=self.identifier,
            identifiers=lambda: self.some(self.identifier),
            electronic_address=self.endpoint,
            address=self.address,
            contact=self.contact,
        )

    def payment(self) -> Drawn:
        return self.maybe(
            means=lambda: self.one(_CODES["payment_means"]),
            reference=self.text,
            iban=lambda: "NL91ABNA0417164300",
            bic=lambda: "DEUTDEFF",
            account_name=self.text,
            mandate=self.text,
            terms=self.text,
        )

    def delivery(self) -> Drawn:
        return self.maybe(
            actual_date=self.day,
            party_name=self.text,
            location=self.identifier,
            address=self.address,
        )

    def head(self) -> Drawn:
        text = self.text
        return self.maybe(
            number=text,
            tax_point_date=self.day,
            due_date=lambda: "2025-03-31",
            period=self.period,
            seller=lambda: {"name": "Seller BV", **self.party()},
            payee=lambda: {**self.party(), "name": "Factor BV", "identifiers": [{"value": "33"}]},
            payment=self.payment,
            notes=lambda: self.some(text),
            buyer_reference=text,
            purchase_order=text,
            sales_order=text,
            contract=text,
            project=text,
            accounting_reference=text,
            precedents=lambda: self.some(lambda: {"number": "1", "issue_date": self.day()}),
            attachments=self.attachments,
        )

    def attachments(self) -> list[Drawn]:
        """Each kind of file that the norm knows, an address, both, or a number alone."""

        def one(number: int) -> Drawn:
            ending, kind = self.one(list(ENDINGS.items()))
            given = {"media_type": kind, "size": 7, "sha256": "0" * 64}
            file = {"name": f"canary{ending}", **given}
            some = self.maybe(
                description=self.text,
                location=lambda: "https://canary.example/a?b=c",
                file=lambda: file,
            )
            return {"reference": f"A-{number}", **some}

        return [one(number) for number in range(self.one((0, 1, 3, MOST_ATTACHMENTS)))]

    def adjustments(self, kind: str, size: Callable[[], Drawn]) -> list[Drawn]:
        code = lambda: self.one(_CODES[f"{kind}_reasons"])  # noqa: E731
        return self.some(lambda: {**size(), **self.maybe(reason=self.text, reason_code=code)})

    def percent(self) -> Drawn:
        return {"percent": self.one(_PERCENTS)}

    def line(self, vats: Sequence[Drawn], decimals: int) -> Drawn:
        back = self.coin(5)
        quantity = self.number(10**4, 0, 2, 3)

        def raised() -> Drawn:
            if back or self.coin():
                return self.percent()
            return {"amount": self.number(99, decimals)}

        return {
            **self.maybe(
                description=self.text,
                unit=lambda: self.one(_CODES["units"]),
                period=self.period,
                note=self.text,
                seller_item_id=self.text,
                buyer_item_id=self.text,
                standard_item_id=lambda: self.identifier(needed=True),
                order_line=self.text,
                accounting_reference=self.text,
            ),
            "name": self.text(),
            "quantity": -quantity if back else quantity,
            "unit_price": 0 if self.coin(20) else self.number(10**5, decimals, decimals + 2, 6),
            "base_quantity": self.one((1, 1, 3, 1000, "0.7")),
            "vat": self.one(vats),
            "allowances": self.adjustments("allowance", self.percent),
            "charges": self.adjustments("charge", raised),
        }

    def document(self) -> Document:
        currency, vats = self.one(CURRENCIES), self.one(_MIXES)
        decimals = minor_units(currency)
        lines = [self.line(vats, decimals) for _ in range(self.one((1, 1, 2, 3, 5, 12)))]

        def size() -> Drawn:
            if self.coin():
                return {**self.percent(), "vat": self.one(lines)["vat"]}
            return {"amount": self.number(10**4, decimals), "vat": self.one(vats)}

        typed = content(
            *lines,
            currency=currency,
            prices_include_vat=self.coin(),
            vat_rounding=self.one((None, "line", "category")),
            allowances=self.adjustments("allowance", size),
            charges=self.adjustments("charge", size),
            **self.head(),
        )
        typed["buyer"] = {"name": "Canary Energy BV", **self.party()}
        self.agree(typed, {vat.get("category", "S") for vat in vats})
        return self.with_what_is_due(typed)

    def agree(self, typed: Drawn, categories: set[str]) -> None:
        """What the categories ask for, and what goes with the type."""
        if self.coin(5):
            typed["type"] = "credit_note"
            typed["precedents"] = [*typed.get("precedents", ()), {"number": "2024-1"}]
        if self.coin() or "K" in categories:
            typed["delivery"] = self.delivery()
        if "K" in categories:
            typed["delivery"]["address"] = self.address()
            if "period" not in typed:
                typed["delivery"]["actual_date"] = self.day()
        registered = "registration" in typed["buyer"]
        asked = "K" in categories or ("AE" in categories and not registered)
        if asked or ("O" not in categories and self.coin()):
            typed["buyer"]["vat_number"] = self.one(("NL004495445B01", "BE0403170701"))

    def with_what_is_due(self, typed: Drawn) -> Document:
        """In some cases the whole is rounded, as in cash, to a step of the least units; in some a
        share of it was paid before, or all of it."""
        made = Document.model_validate(typed)
        step, share = self.one((0, 0, 5, 100)), self.one((0, 0, 0, 1, 3, 10))
        roundings = [made.vat_rounding] if made.vat_rounding else BOTH_ROUNDINGS
        least = min((totals(made, rounding).gross for rounding in roundings), key=abs)
        unit = Decimal((0, (1,), -minor_units(made.currency)))
        if step:
            whole = (least / (unit * step)).to_integral_value() * unit * step
            typed["rounding"], least = whole - least, whole
        if self.coin(5):
            typed["vat_accounting"] = self.accounted(made)
        if share and least > 0:
            typed["prepaid"] = (least / share).quantize(unit, "ROUND_DOWN")
        return Document.model_validate(typed)

    def accounted(self, made: Document) -> Drawn:
        """Its VAT in another currency, at some rate."""
        currency = self.one([one for one in CURRENCIES if one != made.currency])
        vat = totals(made, made.vat_rounding or "category").vat * Decimal(
            self.one(("1", "0.0931", "11.4"))
        )
        return {"currency": currency, "vat": rounded(vat, currency)}
