"""The files that a document names, from the store to the call that needs them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

from pydantic import TypeAdapter

from documents import Account, DocumentStore, Erased, NotThere, StoreAway
from documents.attachments import PATIENCE
from invoicing.attachment import StoredFile, SupportingDocument, files_of
from invoicing.document import Document
from invoicing.errors import FieldProblem, Rejected, Unavailable, Unsupported
from invoicing.provider import AttachCall, CreateCall, Found, LookUp, LookUpCall, Plan
from invoicing.state.invoice import STORE_AWAY

LOOK_UP = "attached files"
"""The look-up that the worker adds to a plan, and answers from its store."""
MORE_TIME = PATIENCE
"""That a call may take longer where it needs files: for a place, and all that the store gives."""
_GIVEN = TypeAdapter(tuple[SupportingDocument, ...])


class Files:
    """What one account's calls need of the store; None: this worker has none.

    Everything raises Unavailable with STORE_AWAY where the store is away, Rejected where a file is
    not there or another, and Unsupported where there is no store, or the reference was erased. All
    of it certainly before anything was asked of the provider.
    """

    def __init__(self, store: DocumentStore | None) -> None:
        self._store = store

    def planned(self, plan: Plan, document: Document) -> Plan:
        """The plan with a look at the files before anything else, where the document has any."""
        if not files_of(document.attachments):
            return plan
        self._needed()
        attachments = _GIVEN.dump_python(document.attachments, mode="json", exclude_defaults=True)
        first = LookUp(name=LOOK_UP, query={"attachments": attachments})
        more = {
            "look_ups": ((first,), *plan.look_ups),
            "call_timeout": plan.call_timeout + MORE_TIME,
        }
        return plan.model_copy(update=more)

    async def look_up(self, provider: str, call: LookUpCall) -> Found:
        """Whether each file that the document names is in the store, as it says."""
        attachments = _GIVEN.validate_python(call.look_up.query["attachments"])
        account = Account(provider, call.target.account)
        async with self._reached() as store, store.attachments.place():
            await _contents(store, account, attachments)
        return Found()

    @contextlib.asynccontextmanager
    async def with_them(
        self, provider: str, call: CreateCall, *, inline: bool
    ) -> AsyncIterator[CreateCall]:
        """The call with the content of its files, where the provider takes them with it; and said
        that its reference needs them."""
        files = files_of(call.document.attachments)
        if not files:
            yield call
            return
        account = Account(provider, call.target.account)
        async with contextlib.AsyncExitStack() as place:
            async with self._reached() as store:
                await store.hold(account, call.target.reference, files)
                if inline:
                    await place.enter_async_context(store.attachments.place())
                    told = await _contents(store, account, call.document.attachments)
                    call = call.model_copy(update={"files": told})
            yield call

    @contextlib.asynccontextmanager
    async def with_it(self, provider: str, call: AttachCall) -> AsyncIterator[AttachCall]:
        """The same for one that is added to a draft."""
        if call.attachment.file is None:
            yield call
            return
        named = (SupportingDocument(reference=call.attachment.name, file=call.attachment.file),)
        account = Account(provider, call.target.account)
        async with contextlib.AsyncExitStack() as place:
            async with self._reached() as store:
                await place.enter_async_context(store.attachments.place())
                (content,) = (await _contents(store, account, named)).values()
            yield call.model_copy(update={"content": content})

    def _needed(self) -> DocumentStore:
        if self._store is None:
            raise Unsupported(
                "this worker has no store of files: set INVOICING_DOCUMENTS_AT, or send the "
                "document without files"
            )
        return self._store

    @contextlib.asynccontextmanager
    async def _reached(self) -> AsyncIterator[DocumentStore]:
        try:
            async with asyncio.timeout(MORE_TIME.total_seconds()):
                yield self._needed()
        except TimeoutError:
            why = "the store of documents does not give all files in time"
            raise Unavailable(why, code=STORE_AWAY) from None
        except StoreAway as error:
            raise Unavailable(str(error), code=STORE_AWAY) from None
        except Erased:
            raise Unsupported("what this reference had was erased, and it takes no files") from None


async def _contents(
    store: DocumentStore, account: Account, attachments: Sequence[SupportingDocument]
) -> dict[str, bytes]:
    """By digest. Rejected, with every file that is not there."""
    found: dict[str, bytes] = {}
    wrong: list[FieldProblem] = []
    for index, file in _named(attachments):
        try:
            found[file.sha256] = await store.attachments.get(account, file)
        except NotThere as why:
            at = f"document.attachments[{index}].file"
            wrong.append(FieldProblem(field=at, message=str(why)))
    if wrong:
        raise Rejected("a file that the document names is not in the store as named", fields=wrong)
    return found


def _named(attachments: Sequence[SupportingDocument]) -> list[tuple[int, StoredFile]]:
    return [(index, each.file) for index, each in enumerate(attachments) if each.file]
