"""How a step leaves the story: what is raised, and who catches it."""

from __future__ import annotations

from enum import StrEnum

from temporalio.exceptions import ApplicationError


class Cancelling(Exception):
    """Somebody wants it taken back: the story stops at this boundary and turns round."""


class StartOver(Exception):
    """The story begins again from the top; what is done is skipped."""


class Overdue(Exception):
    """A wait has lasted as long as was planned."""


class NobodyCame(Exception):
    """A question was not answered in time."""


class Ended(Exception):
    """Nothing more is to be done. `failure` where the workflow itself shall count as failed."""

    def __init__(self, outcome: StrEnum, failure: ApplicationError | None = None) -> None:
        super().__init__(outcome)
        self.outcome = outcome
        self.failure = failure


def refused(why: str) -> ApplicationError:
    """What an instruction is answered that cannot be carried out. As an update it leaves nothing in
    history, as a signal a line in the journal."""
    return ApplicationError(why, type="Refused", non_retryable=True)
