"""How our models become Temporal payloads and back. Client, worker and replayer all use this one.

The SDK's pydantic converter with four changes. A model's empty fields are not written out: they
can be more than half of what is stored. What cannot be read becomes an error that names the
fields and never repeats their values, which may be personal data; in a workflow's input it fails
the workflow at once instead of retrying its first task for ever. An invoice that continued as
new ignores keys it does not know, so that a roll-back of the workers cannot end it. And a document
that this process has read before is not checked again (`invoicing.known`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import Any, Protocol, runtime_checkable

from pydantic import TypeAdapter, ValidationError
from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import PydanticJSONPlainPayloadConverter, PydanticPayloadConverter
from temporalio.converter import (
    CompositePayloadConverter,
    DataConverter,
    EncodingPayloadConverter,
    WorkflowSerializationContext,
)
from temporalio.exceptions import ApplicationError

from invoicing.errors import Misread
from invoicing.known import Known
from invoicing.parse import problems
from invoicing.state.bounds import written
from invoicing.state.case import InvoiceInput

REJECTED = "Rejected"
ENCRYPTED = "binary/encrypted"


class Undecipherable(Misread):
    """A payload that this process has no key for, or that was changed on its way.

    In a worker it fails the workflow's task, which is tried again, and never the workflow.
    """


_GONE = "what was asked for and said of it is gone, and its reference is used up"


class Erased(Undecipherable):
    """It is of an invoice or order that was erased: nobody can read it any more."""

    said = f"it was erased: {_GONE}"

    def __init__(self, reference: str = "", on: date | None = None) -> None:
        super().__init__(f"{reference} was erased on {on}: {_GONE}" if on else "")
        self.reference = reference


@runtime_checkable
class Shows(Protocol):
    """A codec that shows payloads to people: in the place of what was erased it says so."""

    async def shown(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Each as it was. Raises Undecipherable."""
        ...


@runtime_checkable
class Erases(Protocol):
    """A codec by which what was erased is known."""

    async def refuse_erased(self) -> None:
        """Raise Erased where the workflow that it was made for was erased."""
        ...


async def refuse_erased(converter: DataConverter, namespace: str, workflow_id: str) -> None:
    """Raise Erased where what this workflow was about has been erased; needs no worker."""
    if isinstance(converter.payload_codec, Erases):
        context = WorkflowSerializationContext(namespace=namespace, workflow_id=workflow_id)
        about = converter.with_context(context).payload_codec
        if isinstance(about, Erases):
            await about.refuse_erased()


@lru_cache(maxsize=1024)
def _adapter(hint: Any) -> TypeAdapter[Any]:
    return TypeAdapter(hint)


class _Json(PydanticJSONPlainPayloadConverter):
    def to_payload(self, value: Any) -> Payload | None:
        return Payload(metadata={"encoding": self.encoding.encode()}, data=written(value))

    def from_payload(self, payload: Payload, type_hint: type | None = None) -> Any:
        adapter = _adapter(Any if type_hint is None else type_hint)
        try:
            return adapter.validate_json(payload.data, context=_known)
        except ValidationError as error:
            if type_hint is InvoiceInput and b'"resumed":{' in payload.data:
                return _lenient.validate_json(payload.data, extra="ignore")
            fields = problems(error)
            raise ApplicationError(
                "the input cannot be read: " + "; ".join(map(str, fields)),
                *fields,
                type=REJECTED,
                non_retryable=True,
            ) from None


class _Encrypted(EncodingPayloadConverter):
    """Says what is missing. Where there are keys, the codec leaves nothing for this one."""

    @property
    def encoding(self) -> str:
        return ENCRYPTED

    def to_payload(self, value: Any) -> Payload | None:
        return None

    def from_payload(self, payload: Payload, type_hint: type | None = None) -> Any:
        raise Undecipherable("it is encrypted, and INVOICING_ENCRYPTION_KEYS is not set here")


_lenient = TypeAdapter(InvoiceInput)
_known = Known()
"""Of the whole process: workflows and calls meet the same documents. What is read leniently is not
read by the same rules, and is not kept here."""


# Every workflow in memory has a payload converter of its own. They share what they are made of: a
# cache of type adapters per waiting invoice would cost 19 kB each.
_PARTS = (
    *(
        _Json() if converter.encoding == "json/plain" else converter
        for converter in PydanticPayloadConverter().converters.values()
    ),
    _Encrypted(),
)


class _Converter(PydanticPayloadConverter):
    def __init__(self) -> None:
        CompositePayloadConverter.__init__(self, *_PARTS)


data_converter = dataclasses.replace(DataConverter.default, payload_converter_class=_Converter)
"""Pass this to `Client.connect`, `Replayer` and anything else that reads or writes our payloads."""
