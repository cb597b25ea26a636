"""What needs two people, by account.

`INVOICING_CONSENT_MOLLIE_OF` belongs to the account `default` of the provider mollie,
`INVOICING_CONSENT_MOLLIE__SHOP__OF` to its account `shop`, by the rules of accounts. A rule for an
account that is not configured is a mistake: a name that was mistyped would leave the account
without one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from invoicing.consent import CANCEL, CREDIT, RELEASE, Consent
from invoicing.model import Typed
from invoicing.money import Number
from invoicing.state.questions import Answer
from settings.accounts import DEFAULT, each
from settings.shared import PREFIX
from settings.variables import BadSettings, Problems

KINDS = tuple(dict.fromkeys((RELEASE, CANCEL, CREDIT, *(answer.value for answer in Answer))))
_AMOUNT = re.compile(r"([A-Z]{3}):(\d{1,15}(?:\.\d{1,4})?)")


def _amounts(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    found = [_AMOUNT.fullmatch(one) for one in value.replace(",", " ").split()]
    amounts = {one[1]: Decimal(one[2]) for one in found if one}
    if len(amounts) < len(found):
        raise ValueError("must be amounts such as EUR:10000,USD:12000.50, each currency once")
    return amounts


def _kinds(value: Any) -> Any:
    listed = value.replace(",", " ").split() if isinstance(value, str) else value
    if not all(one in KINDS for one in listed):
        raise ValueError(f"must be some of {', '.join(KINDS)}, with commas between")
    return listed


class ConsentSettings(Typed):
    """The rule of one account.

    of: the kinds of decision that need two people: `release`, `cancel`, `credit` and the words of
        answers.
    above: the gross amount, per currency, up to which one person is enough; in a currency that is
        not named two are always needed.
    """

    of: Annotated[tuple[str, ...], BeforeValidator(_kinds), Field(min_length=1)]
    above: Annotated[dict[str, Number], BeforeValidator(_amounts)] = {}


def read(
    environment: Mapping[str, str], accounts: Mapping[str, Collection[str]]
) -> dict[str, dict[str, Consent]]:
    """The rules by provider and account, of these accounts.

    BadSettings names all that is wrong at once, and variables that are about no account.
    """
    problems: Problems = {}
    rules: dict[str, dict[str, Consent]] = {}
    read_ones: set[str] = set()
    for provider, names in sorted(accounts.items()):
        prefix = f"{PREFIX}CONSENT_{provider}".upper()
        read_ones |= {name for name in environment if name.startswith(f"{prefix}_")}
        for account, rule in each(ConsentSettings, prefix, environment, problems, "rule").items():
            if account not in names:
                named = "" if account == DEFAULT else f"__{account.upper()}_"
                which = f"{prefix}{named}_OF"
                problems[which] = f"is about an account of {provider} that is not configured"
            rules.setdefault(provider, {})[account] = Consent(above=rule.above, of=rule.of)
    for name in environment:
        if name.startswith(f"{PREFIX}CONSENT_") and name not in read_ones:
            problems[name] = "is about a provider of which no account is configured"
    if problems:
        raise BadSettings(problems)
    return rules
