from __future__ import annotations

import ast
import decimal
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import iso4217
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

import invoicing
from invoicing.money import (
    Currency,
    Number,
    added,
    minor_units,
    percentage,
    plain,
    priced,
    rounded,
    vat_inside,
)

number: TypeAdapter[Decimal] = TypeAdapter(Number)
currency: TypeAdapter[str] = TypeAdapter(Currency)
quick = settings(derandomize=True, database=None, max_examples=100)


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("12.50", "12.50"),
        (" 12.50 ", "12.50"),
        ("-3", "-3"),
        (12, "12"),
        (Decimal("0.10"), "0.10"),
        (Decimal("1E+3"), "1000"),
        ("-0.00", "0.00"),
        (10**15 - 1, "999999999999999"),
        ("0.0000000001", "0.0000000001"),
    ],
)
def test_numbers_are_read_exactly_as_written(typed: Any, read: str) -> None:
    assert format(number.validate_python(typed), "f") == read


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (12.5, "in quotes"),
        (float("nan"), "in quotes"),
        (True, "not true or false"),
        ("1,5", "write a point"),
        ("1.250,00", "write a point"),
        ("1,250.00", "write a point"),
        ("-1,5", "write a point"),
        ("NaN", "must be a number"),
        ("Infinity", "must be a number"),
        (Decimal("NaN"), "must be a finite number"),
        (Decimal("-Infinity"), "must be a finite number"),
        ("", "must be a number"),
        ("1e3", "must be a number"),
        ("1_000", "must be a number"),
        ("+1", "must be a number"),
        (".5", "must be a number"),
        ("5.", "must be a number"),
        ("١٢", "must be a number"),
        ("twelve", "must be a number"),
        (None, "must be a number"),
        ([1], "must be a number"),
        (10**15, "more than 15 digits"),
        ("-1000000000000000.00", "more than 15 digits"),
        (Decimal("1E+999999"), "more than 15 digits"),
        ("0.00000000001", "more than 10 decimals"),
        (Decimal("1E-999999"), "more than 10 decimals"),
    ],
)
def test_what_is_not_an_exact_number_is_refused_in_plain_words(typed: Any, sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        number.validate_python(typed)


def test_a_json_number_with_a_fraction_is_refused() -> None:
    assert number.validate_json("12") == 12
    with pytest.raises(ValidationError, match="in quotes"):
        number.validate_json("12.5")


@quick
@given(st.integers(-(10**15) + 1, 10**15 - 1), st.integers(0, 10))
def test_json_gives_back_the_very_same_number(digits: int, decimals: int) -> None:
    read = number.validate_python(Decimal(digits).scaleb(-decimals))
    again = number.validate_json(number.dump_json(read))
    assert again.as_tuple() == read.as_tuple()


@pytest.mark.parametrize(("code", "units"), [("EUR", 2), ("JPY", 0), ("BHD", 3), ("CLF", 4)])
def test_currencies_have_their_minor_units(code: str, units: int) -> None:
    assert currency.validate_python(code) == code
    assert minor_units(code) == units
    assert rounded(Decimal(1), code).as_tuple().exponent == -units


@pytest.mark.parametrize("code", sorted(c.code for c in iso4217.Currency if c.exponent is not None))
def test_every_currency_with_a_minor_unit_is_taken(code: str) -> None:
    assert currency.validate_python(code) == code


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("eur", "in capitals: EUR"),
        ("Jpy", "in capitals: JPY"),
        ("XXX", "minor unit"),
        ("XAU", "minor unit"),
        ("€", "minor unit"),
        ("", "minor unit"),
    ],
)
def test_other_codes_are_refused(code: str, sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        currency.validate_python(code)
    with pytest.raises(ValueError, match=sentence):
        minor_units(code)


@pytest.mark.parametrize(
    ("amount", "cents"),
    [("0.005", "0.01"), ("0.0049999999", "0.00"), ("-0.005", "-0.01"), ("-0.001", "0.00")],
)
def test_halves_go_away_from_zero(amount: str, cents: str) -> None:
    assert str(rounded(Decimal(amount), "EUR")) == cents


def test_a_quotient_beside_a_half_is_not_rounded_twice() -> None:
    halves = 2 * 10**15 + 1  # of a cent
    k = 5 * 10**7 * halves
    # (9k - 1)(9k + 1) / 81k is k less a hair: 48 digits are the same before one differs.
    quantity, price, per = (Decimal(n).scaleb(-10) for n in (9 * k - 1, 9 * k + 1, 81 * k))
    assert str(priced(quantity, price, per, "EUR")) == "10000000000000.00"
    assert str(priced(-quantity, price, per, "EUR")) == "-10000000000000.00"
    assert str(priced(quantity + Decimal("1E-10"), price, per, "EUR")) == "10000000000000.01"


def test_sums_percentages_and_vat_inside() -> None:
    assert str(added([], "EUR")) == "0.00"
    assert str(added([Decimal("0.10")] * 3, "EUR")) == "0.30"
    assert str(percentage(Decimal("89.00"), Decimal(21), "EUR")) == "18.69"
    assert str(vat_inside(Decimal("121.00"), Decimal(21), "EUR")) == "21.00"


def test_nothing_depends_on_the_callers_decimal_context() -> None:
    with decimal.localcontext(decimal.Context(prec=1, traps=[decimal.Inexact])):
        assert str(rounded(Decimal("123456.785"), "EUR")) == "123456.79"
        assert str(percentage(Decimal("123456.78"), Decimal(21), "EUR")) == "25925.92"
        assert str(number.validate_python("123456.78")) == "123456.78"
        assert plain(Decimal("123456.780")) == "123456.78"


@pytest.mark.parametrize(
    ("given", "written"),
    [("21.00", "21"), ("5.50", "5.5"), ("0", "0"), ("0.00", "0"), ("100", "100"), ("1E+2", "100")],
)
def test_plain_leaves_out_trailing_zeros_only(given: str, written: str) -> None:
    assert plain(Decimal(given)) == written


# No binary floats

WAITS = {
    ("connection.py", "reach"),
    ("client.py", "tell"),
    ("engine.py", "within"),
    ("parse.py", "_float"),
    ("news.py", "EventInput"),
    ("news.py", "FeedInput"),
    ("provider.py", "Pace"),
    ("provider.py", "Paces"),
    ("overview.py", "SentIn"),
}
"""About time, where a factor may be a float, and a provider's options, where a number may be."""

NO_AMOUNTS = {"process.py", "data_keys.py"}
"""Modules in which there is no amount at all."""


def floats(source: str, allowed: set[str]) -> Iterator[int]:
    """The lines with a float literal, a call of float, or an annotation that says float."""
    for node in _outside(ast.parse(source), allowed):
        match node:
            case ast.Constant(value=float()) | ast.Call(func=ast.Name("float")):
                yield node.lineno
            case ast.arg(annotation=ast.expr() as said) | ast.AnnAssign(annotation=said):
                yield from _says_float(said)
            case ast.FunctionDef(returns=ast.expr() as said):
                yield from _says_float(said)
            case ast.AsyncFunctionDef(returns=ast.expr() as said):
                yield from _says_float(said)


_NAMED = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def _outside(tree: ast.AST, allowed: set[str]) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(tree):
        name = getattr(child, "name", None)
        if not isinstance(child, _NAMED) or name not in allowed:
            yield child
            yield from _outside(child, allowed)


def _says_float(annotation: ast.expr) -> Iterator[int]:
    for node in ast.walk(annotation):
        if isinstance(node, ast.Name) and node.id == "float":
            yield node.lineno


MODULES = [
    module
    for module in sorted(Path(invoicing.__file__).parent.glob("*.py"))
    if module.name not in NO_AMOUNTS
]


@pytest.mark.parametrize("module", MODULES, ids=[module.name for module in MODULES])
def test_amounts_are_never_binary_floats(module: Path) -> None:
    allowed = {name for file, name in WAITS if file == module.name}
    assert list(floats(module.read_text(encoding="utf-8"), allowed)) == []


@pytest.mark.parametrize(
    "source",
    [
        "x = 0.21",
        "x = float('1')",
        "x: float = 1",
        "x: dict[str, float] = {}",
        "def f(x: float | None): ...",
        "def f() -> float: ...",
        "async def f() -> list[float]: ...",
        "class A:\n    def f(self, *, x: float): ...",
    ],
)
def test_each_kind_of_float_would_be_found(source: str) -> None:
    assert list(floats(source, set()))


def test_time_may_be_scaled_by_a_float_where_that_is_said() -> None:
    source = "class Pace:\n    factor: float = 1.5\nclass Price:\n    factor: float"
    assert list(floats(source, {"Pace"})) == [4]
