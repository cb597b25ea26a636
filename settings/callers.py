"""Who may come in at the gateway: named callers, what each may do, and where.

`GATEWAY_CALLER__ERP__TOKENS` belongs to the caller `erp`, by the rules of accounts. Tokens are
never written down: what stands here are their digests, as `python -m gateway.new_token` prints
them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from invoicing.model import Typed
from settings.accounts import each
from settings.variables import BadSettings, Problems

OF = "gateway_caller"
PREFIX = f"{OF.upper()}__"
DIGEST = "sha256:"
_WRITTEN = re.compile(rf"{DIGEST}([0-9a-f]{{64}})(?:@(\d{{4}}-\d\d-\d\d))?")
_PLACE = re.compile(r"[a-z][a-z0-9_]{0,49}(?:/[a-z0-9][a-z0-9_]{0,49})?")
_BEGINS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:#-]{0,99}")


class Scope(StrEnum):
    """What a caller may do; none of them contains another."""

    READ = "read"
    """Look at states, journals, lists and results."""
    START = "start"
    """Ask for invoices, previews and orders, and deliver lines."""
    OPERATE = "operate"
    """Hold, release, resolve, cancel."""
    DECRYPT = "decrypt"
    """Have encrypted payloads read, whosever they are."""


class Token(Typed):
    """One token in force: the SHA-256 of it, and the moment it expires; None: never."""

    digest: bytes
    until: datetime | None = None

    @classmethod
    def read(cls, written: str) -> Self:
        """From `sha256:…` or `sha256:…@2027-01-31`, which is good until that day is over in UTC."""
        found = _WRITTEN.fullmatch(written)
        try:
            last = date.fromisoformat(found[2]) if found and found[2] else None
        except ValueError:
            found = last = None
        if found is None:
            raise ValueError(
                "must be digests of tokens with commas between, each sha256: and 64 small "
                "hexadecimal digits, with @ and its last day where it has one; "
                "`python -m gateway.new_token` makes a token and prints its digest"
            )
        over = last and datetime.combine(last + timedelta(days=1), time(), UTC)
        return cls(digest=bytes.fromhex(found[1]), until=over)


def _apart(value: Any) -> Any:
    return value.replace(",", " ").split() if isinstance(value, str) else value


def _tokens(value: Any) -> Any:
    return [Token.read(one) if isinstance(one, str) else one for one in _apart(value)]


def _matching(pattern: re.Pattern[str], sentence: str) -> BeforeValidator:
    def check(value: Any) -> Any:
        listed = _apart(value)
        if not all(isinstance(one, str) and pattern.fullmatch(one) for one in listed):
            raise ValueError(sentence)
        return listed

    return BeforeValidator(check)


def _scopes(value: Any) -> Any:
    listed = _apart(value)
    if not all(one in tuple(Scope) for one in listed):
        raise ValueError(f"must be some of {', '.join(Scope)}, with commas between")
    return listed


May = Annotated[tuple[Scope, ...], BeforeValidator(_scopes), Field(min_length=1)]
"""What somebody may do."""
Accounts = Annotated[
    tuple[str, ...],
    _matching(_PLACE, "must be providers or provider/account, with commas between"),
]
"""Where somebody's invoices are; empty: anywhere."""
References = Annotated[
    tuple[str, ...], _matching(_BEGINS, "must be beginnings of references, with commas between")
]
"""How somebody's references begin; empty: anyhow."""


def refuse_limited_decrypting(may: Collection[Scope], *limits: Collection[str], of: str) -> None:
    """Raise ValueError for rights that cannot be kept apart; `of` is who has them."""
    if Scope.DECRYPT in may and any(limits):
        raise ValueError(
            f"{of} that may decrypt can have no accounts and no references: a payload does "
            "not say whose it is"
        )


class CallerSettings(Typed):
    """One caller.

    tokens: the digests of those in force: more than one while one is being changed.
    may: what it may do: some of `Scope`.
    accounts: where its invoices are: `mollie` is every account there, `mollie/shop` that one.
    references: how its references begin. Without one of the two it is limited by the other alone.
    """

    tokens: Annotated[tuple[Token, ...], BeforeValidator(_tokens), Field(min_length=1)]
    may: May
    accounts: Accounts = ()
    references: References = ()

    @model_validator(mode="after")
    def _decrypts_without_limits(self) -> Self:
        refuse_limited_decrypting(self.may, self.accounts, self.references, of="a caller")
        return self


def read(environment: Mapping[str, str], *, needed: bool = True) -> dict[str, CallerSettings]:
    """Every caller, by name.

    BadSettings names all that is wrong at once, and says so when somebody is `needed` and there
    is nobody, or when two callers share a token: then nobody could say who came.
    """
    problems: Problems = {}
    callers = each(CallerSettings, OF, environment, problems, "caller")
    owners: dict[bytes, str] = {}
    for name, caller in callers.items():
        for token in caller.tokens:
            if owners.setdefault(token.digest, name) != name:
                variable = f"{PREFIX}{name.upper()}__TOKENS"
                problems[variable] = f"has a token of {owners[token.digest]}"
    if needed and not callers and not problems:
        problems[f"{PREFIX}…__TOKENS"] = (
            "must name a caller's token: nobody may come in; `python -m gateway.new_token erp "
            "--may read,start` makes one, and prints the variable"
        )
    if problems:
        raise BadSettings(problems)
    return callers
