"""The port: the verbs every provider answers, and what goes in and out of them.

An adaptor is one class under `providers/` with five of them: plan, create, read, approve, delete.
It knows its provider's routes, words and rules; it keeps no state about invoices, decides nothing
about the lifecycle, and reports after every call how far the provider has got. One verb is one HTTP
call (paging and a token aside).

What may be raised, by kind of verb:

    plan                      Rejected, Unsupported; it makes no call at all
    look_up, find, read       Unavailable, Rejected, Unreadable
    create, update, approve,  Unavailable (certainly not done), Rejected (certainly refused),
    send, delete, credit      UnknownOutcome (anything else, an unreadable answer included)

Denied is a Rejected that is about the credentials and not about the invoice.

What only some providers have is a protocol of its own, in `verbs`, `orders` or `news`: looking up,
finding, updating, sending, crediting, orders that must be registered first, documents that are
attached or made, news that arrive unasked, feeds that must be fetched. Whoever calls one asks with
`isinstance` whether it is there: the method is the only declaration, so nothing can be declared and
missing.
"""

from invoicing.provider.calls import (
    CONFIRMED,
    AttachCall,
    Attachment,
    CreateCall,
    DocumentCall,
    Echo,
    Event,
    Figure,
    Found,
    LookUp,
    LookUpCall,
    Plan,
    ReadCall,
    Search,
    Snapshot,
    Target,
)
from invoicing.provider.news import Batch, Delivery, Feeds, Hooks, Item, Notifies, Subject
from invoicing.provider.orders import (
    CancelLinesCall,
    OrderPlan,
    OrderReadCall,
    Orders,
    OrderSnapshot,
    OrderStage,
    OrderTarget,
    RegisterCall,
)
from invoicing.provider.stages import Pace, Paces, PaymentStatus, Stage
from invoicing.provider.verbs import (
    Accounts,
    Attaches,
    Checks,
    CreditNotes,
    Credits,
    CreditsIn,
    Documents,
    Finds,
    Inlines,
    Limited,
    LooksUp,
    PayLinks,
    Provider,
    Sends,
    Updates,
)

__all__ = [
    "CONFIRMED",
    "Accounts",
    "AttachCall",
    "Attaches",
    "Attachment",
    "Batch",
    "CancelLinesCall",
    "Checks",
    "CreateCall",
    "CreditNotes",
    "Credits",
    "CreditsIn",
    "Delivery",
    "DocumentCall",
    "Documents",
    "Echo",
    "Event",
    "Feeds",
    "Figure",
    "Finds",
    "Found",
    "Hooks",
    "Inlines",
    "Item",
    "Limited",
    "LookUp",
    "LookUpCall",
    "LooksUp",
    "Notifies",
    "OrderPlan",
    "OrderReadCall",
    "OrderSnapshot",
    "OrderStage",
    "OrderTarget",
    "Orders",
    "Pace",
    "Paces",
    "PayLinks",
    "PaymentStatus",
    "Plan",
    "Provider",
    "ReadCall",
    "RegisterCall",
    "Search",
    "Sends",
    "Snapshot",
    "Stage",
    "Subject",
    "Target",
    "Updates",
]
