"""What one life of an invoice leaves to the next one under its reference, which Temporal runs as a
workflow of its own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from invoicing.model import Recorded
from invoicing.state.identity import CANCELLED, CONTENTS, CORRECTED, HELD, IN_PARTS, MOST_CONTENTS
from invoicing.state.invoice import Status


def was_carried_out(status: str | None) -> bool:
    """Whether the life whose last status this is had come to its own end before it was cut off: it
    may have looked for what takes effect late, or told its subscriber. What people had said in it
    was carried out then, a cancel above all."""
    return status in (Status.CANCELLED, Status.ABANDONED)


class Earlier(Recorded):
    """What is known of the lives that this reference had before: when the last one ended, digests
    of everything that they may have asked for, and what people said in the last one that it could
    not carry out any more."""

    ended: datetime
    contents: tuple[str, ...]
    cancelled: bool = False
    """Whether the last one was being taken back: so is its successor."""
    held: bool = False
    """Whether a person held it: so is its successor."""
    corrected: bool = False
    """Whether a person had it made from another document than is asked for now: its successor is
    held, for somebody to say which of the two is right."""
    in_parts: bool = False
    """Whether parts of it were credited: its successor is not credited as a whole either."""

    @classmethod
    def of(
        cls, memo: Mapping[str, Any], asked: str, ended: datetime, *, unfinished: bool
    ) -> Earlier:
        """What the memo of the last life leaves to the next one.

        `asked` is the digest of the content that it began with. `unfinished` says that it did not
        come to its own end: it was cut off, or failed because it was refused or nobody came in
        time. What people had said then still holds; at any other end it has been carried out.
        """
        return cls(
            ended=ended,
            contents=tuple(dict.fromkeys((*memo.get(CONTENTS, ()), asked)))[-MOST_CONTENTS:],
            cancelled=unfinished and bool(memo.get(CANCELLED)),
            held=unfinished and bool(memo.get(HELD)),
            corrected=unfinished and bool(memo.get(CORRECTED)),
            in_parts=bool(memo.get(IN_PARTS)),
        )

    @property
    def memo(self) -> dict[str, Any]:
        """What the successor's memo says from its start: it may be cut off before it says
        anything itself."""
        words = {
            CANCELLED: self.cancelled,
            HELD: self.held,
            CORRECTED: self.corrected,
            IN_PARTS: self.in_parts,
        }
        return {
            CONTENTS: list(self.contents),
            **{name: True for name, said in words.items() if said},
        }


class Before(Recorded):
    """What the workflow that hears of an invoice's money must know of the one that has ended."""

    claimant: str
    """By whom the register knows the reference as claimed."""
    began: datetime
    ended: datetime | None = None
    """This and the next of one that Temporal has forgotten."""
    lines: int = 0
    """How many it has told the register."""
