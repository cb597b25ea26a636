"""A correction on its way into the register and out of it: as Temporal would keep it.

Where there are keys it is under the invoice's own, or a common one, and nobody reads it without.
"""

from __future__ import annotations

from temporalio.api.common.v1 import Payload
from temporalio.converter import DataConverter, WorkflowSerializationContext

from invoicing.books.claims import ClaimCall, Correction
from invoicing.errors import KeysAway, Unavailable
from invoicing.state.identity import workflow_id
from invoicing.temporal.converter import Undecipherable


class Seal:
    """That of the reference that this call claims."""

    def __init__(self, converter: DataConverter, call: ClaimCall) -> None:
        self._converter = converter
        self._call = call

    async def closed(self, correction: Correction | None) -> bytes:
        """As it is kept; empty where there is none. Raises Unavailable."""
        if correction is None:
            return b""
        try:
            (payload,) = await self._bound().encode([correction])
        except KeysAway as error:
            raise Unavailable(str(error)) from None
        return payload.SerializeToString()

    async def opened(self, sealed: bytes) -> Correction | None:
        """As it was; None where there is none, or it is under a key that is not here: then there
        was a correction, and nobody knows which. Raises Unavailable."""
        if not sealed:
            return None
        try:
            (correction,) = await self._bound().decode([Payload.FromString(sealed)], [Correction])
        except KeysAway as error:
            raise Unavailable(str(error)) from None
        except Undecipherable:
            return None
        return correction if isinstance(correction, Correction) else None

    def _bound(self) -> DataConverter:
        call = self._call
        context = WorkflowSerializationContext(
            namespace=call.namespace, workflow_id=workflow_id(call.reference)
        )
        return self._converter.with_context(context)
