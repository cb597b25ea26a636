"""Which invoices a command is about: the filters of lists, typed once for all commands."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, TypeVar

import typer

from invoicing.client import InvoicingClient, Listed
from invoicing.state.invoice import Status
from invoicing.temporal.lists import CUT_OFF, CutOffWord

ProviderOf = Annotated[
    str | None, typer.Option("--provider", metavar="NAME", help="Only this provider's.")
]
Word = TypeVar("Word", bound=StrEnum)


def word_of(words: type[Word], typed: str) -> Word | CutOffWord:
    """The status that was typed: one of these, or the one of what was cut off."""
    if typed == CUT_OFF:
        return CUT_OFF
    try:
        return words(typed)
    except ValueError:
        raise typer.BadParameter(f"is none of {', '.join((*words, CUT_OFF))}") from None


StatusOf = Annotated[
    Any,
    typer.Option(
        "--status",
        parser=lambda word: word_of(Status, word),
        metavar=f"[{'|'.join((*Status, CUT_OFF))}]",
        help="Only with this status.",
    ),
]
WaitingFor = Annotated[
    str | None,
    typer.Option(
        "--waiting-for",
        metavar="WHAT",
        help="Only what waits for: person, provider, or a reason (amounts_differ).",
    ),
]
DueBefore = Annotated[
    datetime | None,
    typer.Option(
        "--due-before", formats=["%Y-%m-%d"], metavar="DAY", help="Only due before this day."
    ),
]
Prefix = Annotated[
    str | None,
    typer.Option("--prefix", metavar="TEXT", help="Only references that begin with this."),
]


@dataclass(frozen=True)
class Choice:
    """The filters of one command. All that are given must fit."""

    provider: str | None = None
    status: Status | CutOffWord | None = None
    waiting_for: str | None = None
    due_before: date | None = None
    prefix: str | None = None
    overdue_on: date | None = None

    @classmethod
    def of(
        cls,
        provider: str | None,
        status: Status | CutOffWord | None,
        waiting_for: str | None,
        due_before: datetime | None,
        prefix: str | None,
    ) -> Choice:
        """What was typed."""
        return cls(provider, status, waiting_for, due_before and due_before.date(), prefix)

    @property
    def is_empty(self) -> bool:
        """Whether it leaves nothing out."""
        return self == Choice()

    def found(
        self,
        client: InvoicingClient,
        *,
        limit: int | None = None,
        running: bool = False,
        stuck: bool = False,
    ) -> AsyncIterator[Listed]:
        """The invoices that fit, the latest first; `running` leaves out what has ended, `stuck` all
        but what stands still."""
        return client.invoices.list(
            provider=self.provider,
            status=self.status,
            waiting_for=self.waiting_for,
            due_before=self.due_before,
            overdue_on=self.overdue_on,
            prefix=self.prefix,
            running=running,
            stuck=stuck,
            limit=limit,
        )
