"""What can go wrong, split by what the reader of the error can do about it.

    InvoicingError
    ├── InvalidRequest        you: mend the request; it names every field
    │   └── TooLarge          you: make it smaller; the engine could not carry it
    ├── ReferenceInUse        you: the reference already stands for other content
    ├── NotFound              you: no invoice with that reference was ever asked for
    ├── CutOff                you: it was ended from outside; the sentence says how to go on
    ├── Forged                nobody: a webhook whose sender is not proven; it is dropped
    └── ProviderError         what an adaptor raises; becomes a Temporal failure in one place
        ├── Unavailable       nobody: nothing happened at the provider, try again later
        ├── Rejected          a person: the provider refused; its field messages are attached
        │   └── Denied        the account's keeper: its credentials are refused, or lack a right
        ├── Unsupported       the caller: this provider does not offer that
        ├── Unreadable        a person: the answer to a harmless call was not understood
        └── UnknownOutcome    the workflow: it may or may not have happened, look before acting

The sentence of an error is ours and free of personal data and secrets, so it may be logged. What a
provider wrote is kept apart, in `fields`: it reaches the history and the operator, never a log.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from invoicing.model import Recorded

START_AGAIN = (
    "what is at the provider stays as it was; start the same request again, and it goes on with it"
)
"""What to do about an invoice that was cut off."""


class FieldProblem(Recorded):
    """One thing that is wrong, and where.

    `field` is a path in the request (`document.lines[0].vat.rate`) or the provider's own field or
    error key; `message` says what is wrong, in our words or the provider's.
    """

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


class InvoicingError(Exception):
    """Root of everything this project raises on purpose."""


class InvalidRequest(InvoicingError, ValueError):
    """The request cannot be taken as it is; `fields` names every mistake."""

    def __init__(self, message: str, fields: Sequence[FieldProblem] = ()) -> None:
        super().__init__("\n".join([message, *(f"  {problem}" for problem in fields)]))
        self.fields = tuple(fields)


class TooLarge(InvalidRequest):
    """More than can be stored; the sentence says how much it is and may be. Nothing happened."""


class ReferenceInUse(InvoicingError):
    """The reference already stands for an invoice with other content; `differs` names where."""

    def __init__(self, reference: str, differs: Sequence[str]) -> None:
        super().__init__(
            f"{reference} was already asked for with other content; it differs in "
            f"{', '.join(differs)}. Ask with the content of the first request; to change the "
            "invoice, correct it where it waits for a person, or cancel it. A new reference would "
            "be a second invoice."
        )
        self.reference = reference
        self.differs = tuple(differs)


class NotFound(InvoicingError):
    """No invoice with this reference is known to this namespace."""

    def __init__(self, reference: str) -> None:
        super().__init__(f"no invoice {reference} is known here")
        self.reference = reference


class CutOff(InvoicingError):
    """The server or a person ended its run in the middle: nobody of ours saw to its end.

    `why` is the reason that Temporal was given, or gives. What is at the provider is as it was.
    """

    def __init__(self, reference: str, why: str, then: str = START_AGAIN) -> None:
        super().__init__(f"{reference} was ended from outside, in Temporal ({why}): {then}")
        self.reference = reference
        self.why = why


class Forged(InvoicingError):
    """A webhook that cannot be shown to come from its provider, or is too old to be believed."""


class ProviderError(InvoicingError):
    """A provider call that did not go as asked.

    Args:
        message: our own sentence; no personal data, no secret, short (it is kept in history).
        code: the provider's own key for it, or the HTTP status, if there is one.
        fields: what the provider said, field by field.
    """

    def __init__(
        self, message: str, *, code: str | None = None, fields: Sequence[FieldProblem] = ()
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.fields = tuple(fields)


class Unavailable(ProviderError):
    """Certainly nothing happened there; worth trying again, not before `retry_after` if given."""

    def __init__(
        self, message: str, *, code: str | None = None, retry_after: timedelta | None = None
    ) -> None:
        super().__init__(message, code=code)
        self.retry_after = retry_after


class Rejected(ProviderError):
    """Certainly refused, and it will be again until somebody changes something."""


class Denied(Rejected):
    """The account's credentials were refused, or lack a right: certainly nothing was done, and the
    same call works once they are renewed. It says nothing about the invoice."""


class Unsupported(ProviderError):
    """The provider, or its adaptor, does not offer what was asked."""


class Unreadable(ProviderError):
    """The answer to a call that changes nothing was not understood."""


class UnknownOutcome(ProviderError):
    """A call that changes something was sent and its effect is not known.

    `retry_after`: before that much time the provider wants no call at all, a look included.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        fields: Sequence[FieldProblem] = (),
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(message, code=code, fields=fields)
        self.retry_after = retry_after


class Details(Recorded):
    """What travels beside the sentence of a ProviderError, in the history's payloads only."""

    code: str | None = None
    fields: tuple[FieldProblem, ...] = ()
    retry_after: timedelta | None = None

    @classmethod
    def of(cls, error: ProviderError) -> Details:
        """The details of this error."""
        retry_after = getattr(error, "retry_after", None)
        return cls(code=error.code, fields=error.fields, retry_after=retry_after)
