"""What can go wrong, split by what the reader of the error can do about it.

    InvoicingError
    ├── InvalidRequest        you: mend the request; it names every field
    │   └── TooLarge          you: make it smaller; the engine could not carry it
    ├── ReferenceInUse        you: the reference already stands for other content
    ├── NotFound              you: no invoice with that reference was ever asked for
    ├── CutOff                you: it was ended from outside; the sentence says how to go on
    ├── Forged                nobody: a webhook whose sender is not proven; it is dropped
    ├── EngineError           the keeper: what stands between a caller and its invoice, in Temporal
    │   ├── Unreachable       nobody who could answer was reached
    │   │   ├── ServerAway    the Temporal server is not there, or too busy
    │   │   ├── NotLetIn      it lets us in with no such credentials
    │   │   │   └── NoNamespace   or it has no such namespace
    │   │   ├── KeysAway      the register, which has the data keys, does not answer
    │   │   └── NoWorker      it is there, and no worker behind it answered in time
    │   ├── Failing           a worker is there, and fails at it; its log says why
    │   │   └── WrongKey      it lacks the key with which the payloads were encrypted
    │   ├── Misread           what was answered or stored cannot be read here
    │   └── EngineRefused     the server refused, for a reason of its own
    └── ProviderError         what an adaptor raises; becomes a Temporal failure in one place
        ├── Unavailable       nobody: nothing happened at the provider, try again later
        ├── Rejected          a person: the provider refused; its field messages are attached
        │   ├── Denied        the account's keeper: its credentials are refused, or lack a right
        │   └── Stale         the workflow: what was looked up has changed, look it up anew
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


class EngineError(InvoicingError):
    """Temporal, or a worker behind it, did not do what was asked of it.

    Whether an instruction was carried out is not known, unless the sentence says so. None of these
    says anything about the invoice, and none is a reason to ask under another reference.

    Args:
        message: our own sentence.
        code: the engine's own word for it, such as `PERMISSION_DENIED`; empty: it has none.
        words: what the engine says. For whoever keeps it: they may quote what was sent.
    """

    said = "Temporal, or a worker, could not carry it out"
    """What is said where nothing more is known."""

    def __init__(self, message: str = "", *, code: str = "", words: str = "") -> None:
        super().__init__(message or self.said)
        self.code = code
        self.words = words


ONE_INVOICE = "asked for again under the same reference, it is the same invoice"
"""What makes it safe to try again."""
LOOK_FIRST = "an instruction just given may still be carried out: look before you repeat it"
"""What is to be done before one is given again."""


class Unreachable(EngineError):
    """There is no server, or no worker behind it; the sentence says what to do."""


class ServerAway(Unreachable):
    """The server did not answer, or is too busy. What it has taken before is not lost."""

    said = (
        f"the Temporal server cannot be reached, or is too busy: try again; {ONE_INVOICE}, and "
        f"{LOOK_FIRST}"
    )


class NotLetIn(Unreachable):
    """The server refuses these credentials, or does not let them do this. Nothing happened."""

    said = (
        "the Temporal server does not let us in: check TEMPORAL_API_KEY, or the client certificate "
        "(TEMPORAL_TLS_…), and TEMPORAL_NAMESPACE"
    )


class NoNamespace(NotLetIn):
    """The server knows no such namespace. Nothing happened, and nothing is known of any invoice."""

    said = "the Temporal server has no such namespace: check TEMPORAL_NAMESPACE"


class KeysAway(Unreachable):
    """The register does not answer, and has the key that is needed. In a worker it fails the task,
    which is tried again."""

    said = (
        "the register cannot be reached, and has the keys of what is stored: try again; "
        f"{ONE_INVOICE}, and {LOOK_FIRST}"
    )


class NoWorker(Unreachable):
    """No worker answered in time. What was asked for is kept, and begins once one is there."""

    said = f"no worker answered in time: start one (`make worker`); {LOOK_FIRST}"


class Failing(EngineError):
    """A worker is there, and fails at what it is asked. Nothing is lost: it goes on when mended."""

    said = "a worker is there, and fails at it: its log says why; it goes on when that is mended"


class WrongKey(Failing):
    """A worker is there, and lacks the key with which what it is to read was encrypted."""

    said = (
        "a worker is there, and lacks a key with which this was encrypted: give it the keys of "
        "INVOICING_ENCRYPTION_KEYS that its callers have; it goes on with them"
    )


class Misread(EngineError):
    """It cannot be read here: this process lacks a key, or is of another release than the workers.

    `fields` says where, and repeats no value.
    """

    said = "it cannot be read here: this program is of another release than the workers"

    def __init__(
        self, message: str = "", *, code: str = "", fields: Sequence[FieldProblem] = ()
    ) -> None:
        super().__init__(message, code=code)
        self.fields = tuple(fields)


class EngineRefused(EngineError):
    """The server did not carry it out, and will not when it is asked again; `code` says why."""

    said = "the Temporal server refused"


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


class Stale(Rejected):
    """Refused, perhaps for what was looked up before and has changed since: looked up anew, the
    same may be taken. Only where the adaptor keeps what it has looked up."""


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
