"""What crediting is like at each provider: the forms it takes, how a credit gets to each step.

As in `kinds`, of which these descriptions are made; the steps are those of the credit
note, after its invoice has ended. To add a provider that takes credits, add its description here:
a test asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sandbox import zero_friction as zf
from sandbox.zero_friction import TaxCodes
from tests.examples import a_document
from tests.lifecycle import credit_steps as steps
from tests.lifecycle.kinds import KINDS
from tests.lifecycle.kinds.kind import Kind, Life

FORMS: Mapping[str, Mapping[str, Any]] = {
    "the whole": {"whole": True},
    "a line": {"lines": [{"id": "1"}]},
    "units of a line": {"lines": [{"id": "1", "quantity": "1"}]},
    "an amount": {"amounts": [{"rate": "21", "amount": "10.00"}]},
}
"""What a credit can take back."""

_IN_SWEDEN = {**FORMS, "an amount": {"amounts": [{"rate": "25", "amount": "10.00"}]}}


@dataclass(frozen=True)
class Crediting:
    """Credits at one provider.

    kind: the provider, with the lives of its credits.
    forms: what may be credited there; what else there is in `FORMS` is refused.
    options: of every credit.
    """

    kind: Kind
    forms: Mapping[str, Mapping[str, Any]]
    options: Mapping[str, Any] | None = None


def _whole(*lives: Life) -> tuple[Life, ...]:
    return _each({"the whole": FORMS["the whole"]}, *lives)


def _each(forms: Mapping[str, Mapping[str, Any]], *lives: Life) -> tuple[Life, ...]:
    """Every one of these lives with every form of credit."""
    return tuple(
        replace(
            life,
            name=f"{form}: {life.name}",
            effects=life.effects if "whole" in what else _partly(life.effects),
            odd=tuple(_row_partly(row) if "whole" not in what else row for row in life.odd),
            credits=what,
        )
        for form, what in forms.items()
        for life in lives
    )


def _partly(effects: str) -> str:
    """What stands in the ledger where a part is left of the invoice."""
    return effects.replace("credited", "partly credited")


def _row_partly(row: Any) -> Any:
    faults, *outcomes = row
    return (
        faults,
        *(
            replace(one, effects=_partly(one.effects)) if one.effects is not None else one
            for one in outcomes
        ),
    )


def _of_zero_friction(**more: Any) -> zf.ZeroFrictionStandIn:
    return zf.ZeroFrictionStandIn(**{"approval_delay": 0, "sending_delay": 0, **more})


ZERO_FRICTION = Kind(
    stand_in=_of_zero_friction,
    settings=lambda stand_in: stand_in.account(),
    document=a_document,
    options={"lines": {"2": {"tax_code": {"id": TaxCodes.REDUCED}}}},
    lives=(),
    forgeries=(),
    moments=(),
    final=("approve", "send"),
)

# --- all of them ----------------------------------------------------------------------------------

_ON_LINES = {form: what for form, what in FORMS.items() if form != "an amount"}


def _takes(kind: Kind, taken: tuple[str, ...], lives: tuple[Life, ...]) -> Kind:
    """The same provider, seen by its credits: no other step is taken by them."""
    others = tuple(str(step) for step in kind.stand_in().steps if str(step) not in taken)
    return replace(kind, lives=lives, forgeries=(), moments=(), unused=others)


CREDITINGS: Mapping[str, Crediting] = {
    "mollie": Crediting(
        _takes(KINDS["mollie"], ("read", "credit"), _whole(*steps.MOLLIE)),
        {"the whole": FORMS["the whole"]},
    ),
    "invoro": Crediting(
        _takes(
            KINDS["invoro"],
            ("create", "find", "read", "approve"),
            _each(FORMS, *steps.INVORO),
        ),
        FORMS,
    ),
    "quiddly": Crediting(
        _takes(
            KINDS["quiddly"],
            ("find", "create", "read", "approve"),
            _each(_IN_SWEDEN, *steps.QUIDDLY),
        ),
        _IN_SWEDEN,
        options={"type": "CREDIT_INVOICE"},
    ),
    "quiddly_blind": Crediting(
        _takes(KINDS["quiddly_blind"], ("create", "approve"), _each(_IN_SWEDEN, *steps.BLIND)),
        _IN_SWEDEN,
        options={"type": "CREDIT_INVOICE"},
    ),
    "riverty": Crediting(
        _takes(KINDS["riverty"], ("credit",), _each(_ON_LINES, *steps.RIVERTY)),
        _ON_LINES,
    ),
    "zero_friction": Crediting(
        _takes(ZERO_FRICTION, ("read", "credit", "approve", "send"), _whole(*steps.ZERO_FRICTION)),
        {"the whole": FORMS["the whole"]},
    ),
}
"""By set-up: every one that takes credits."""
