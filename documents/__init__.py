"""Where the documents of invoices are kept: a folder, or a bucket that speaks S3.

Bytes go from the provider through a worker into the store, and from there to whoever may have them;
never through a workflow.
"""

from documents.store import Crowded, DocumentStore, Erased, StoreAway, opened

__all__ = ["Crowded", "DocumentStore", "Erased", "StoreAway", "opened"]
