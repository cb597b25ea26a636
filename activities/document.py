"""The document of an invoice, from its provider into the store."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from temporalio import activity

from activities.failures import as_failures
from activities.invoice import provider_of
from documents import Crowded, DocumentStore, Erased, StoreAway
from invoicing.document_file import DocumentFile, document_key
from invoicing.errors import Unavailable, Unsupported
from invoicing.provider import Accounts, DocumentCall, Documents

CROWDED = timedelta(seconds=10)
"""Before one that found no place tries once more; after that its workflow waits for longer."""


class DocumentActivities:
    """What a workflow asks of one provider's documents.

    Args:
        accounts: this provider's adaptors by account name.
        store: where they are kept; None: this worker keeps none.
    """

    def __init__(self, accounts: Accounts, store: DocumentStore | None) -> None:
        self._accounts = accounts
        self._store = store

    @activity.defn
    @as_failures
    async def keep_document(self, call: DocumentCall) -> DocumentFile:
        """Fetch the PDF and keep it. One that is kept already is not fetched again: whoever was
        killed after keeping it could not say so.

        Unavailable while there is none, too many are on their way, or the store is away;
        Unsupported where there is no way, or what the reference had was erased.
        """
        if self._store is None:
            raise Unsupported("this worker keeps no documents: set INVOICING_DOCUMENTS_AT")
        target = call.target
        provider = provider_of(self._accounts, target.account)
        if not isinstance(provider, Documents):
            raise Unsupported("this provider gives no document of an invoice")
        key = document_key(target.reference, target.provider_id or "")
        try:
            if kept := await self._store.find(key):
                return kept
            async with self._store.place():
                return await self._store.keep(key, await provider.document(call))
        except (Crowded, TimeoutError):
            why = "other documents are being fetched, and this one waits for them"
            raise Unavailable(why, retry_after=CROWDED) from None
        except StoreAway as error:
            raise Unavailable(str(error)) from None
        except Erased:
            raise Unsupported("what this reference had was erased, and nothing is kept") from None

    def all(self) -> list[Callable[..., Any]]:
        """Every activity, for a worker."""
        return [self.keep_document]
