"""Where the documents of invoices are kept, and what callers attach to them: a folder, or a bucket
that speaks S3.

Bytes go from the provider through a worker into the store, and from there to whoever may have them;
never through a workflow.
"""

from documents.attachments import Account, NotThere
from documents.reaching import StoreAway
from documents.shares import Share, UsedUp
from documents.store import Crowded, DocumentStore, Erased, opened

__all__ = [
    "Account",
    "Crowded",
    "DocumentStore",
    "Erased",
    "NotThere",
    "Share",
    "StoreAway",
    "UsedUp",
    "opened",
]
