"""A stand-in for Quiddly (Swedish invoice service): a real, stateful HTTP server on 127.0.0.1.

In a test process, as many as wanted, nothing shared between them:

    from sandbox import quiddly
    from sandbox.kit.server import serve

    async with serve(quiddly.QuiddlyStandIn(distribution_delay=0.05)) as stand_in:
        stand_in.url                # stands for https://{alias}api.{domain}
        quiddly.USERNAME, quiddly.PASSWORD                  # a user of quiddly.CLIENT
        quiddly.PARTNER_USERNAME                            # the same password, needs clientId
        quiddly.SERVICE_TOKEN                               # a long-lived token of CLIENT
        quiddly.request("F-1"), quiddly.debtor()            # examples of bodies
        stand_in.assumed.reads = True                       # see `Assumed`

        stand_in.faults.place("create", "time_out", when="after")
        gate = stand_in.faults.place("approve", "gate", when="after")
        await gate.reached();  gate.release()
        await stand_in.reached("create", nth=1, when="after")   # the 1st create ever has committed
        async with stand_in.down(): ...                         # nothing listens meanwhile

        stand_in.ledger.live("F-1")         # ids created and neither deleted nor credited
        stand_in.ledger.effects("F-1")      # ["created", "approved", "sent", "paid"]
        await stand_in.ledger.reached("sent", "F-1")
        stand_in.calls.count("feed");  stand_in.calls.of("create")[0].status
        stand_in.invoice("F-1")             # what a GET would answer now
        stand_in.attachment("F-1")          # the bytes of the PDF that was attached last
        stand_in.finish("F-1")              # end its distribution now (distribution_delay=inf)
        stand_in.discard("F-1")             # its draft is deleted by hand, whatever the routes
        stand_in.pay("F-1");  stand_in.pay("F-1", Decimal("10.00"))
        stand_in.charge_back("F-1");  stand_in.refund("F-1", Decimal("10.00"))
        stand_in.ledger.account("F-1")      # invoiced, credited, paid: see `sandbox.kit.accounts`
        stand_in.payments("F-1")            # each with id, amount, and how often it was exported
        stand_in.advance("F-1");  stand_in.advance("F-1", "COLLECTION")
        stand_in.pause("F-1", date(2026, 12, 1));  stand_in.pause("F-1", None)
        stand_in.revoke_tokens();  stand_in.reset()

A reference, here and in the ledger, is the invoice number: it is the caller's own, and the only
name that comes back in the payments feed. Where no invoice has that number, `Assumed.aliases` are
tried, then ids. A credit invoice stands under its own number. *Approved* is activated, *sent* the
end of the distribution that follows it (none without a `distributionCode`), *credited* stands at
the invoice that credit invoices have taken back whole, *paid* when its balance has come to nothing.

On its own: `python -m sandbox.quiddly [--port N] [--distribution-delay S] [--reads] [--lists]
[--deletes] [--unique-numbers]` prints its URL on one line. From other processes:

    POST   /_sandbox/faults               {step, fault, nth, when, times, seconds, retry_after, key}
    GET    /_sandbox/faults               DELETE takes all away
    POST   /_sandbox/faults/{id}/release  opens a gate
    GET    /_sandbox/ledger?reference=    {"entries": [...]}, amounts as strings
    GET    /_sandbox/calls                {"calls": [...], "counts": {...}}
    GET    /_sandbox/account?reference=   {"accounts": [...]}
    POST   /_sandbox/pay                  {reference, amount?}; so are charge_back and refund
    POST   /_sandbox/reset

The provider's routes and the steps they count as:

    POST   /authenticate                          authenticate
    POST   /invoices                              create        answers the whole invoice
    POST   /invoices/{id}/activate                approve       with overrides, or {}
    POST   /documents/invoice                     attach        a PDF, as a multipart form
    GET    /storage/{fileName}                    download
    GET    /vouchers/external/export/payments     feed          ?page=1&limit=10
    PUT    /vouchers/{id}/external/export         acknowledge   out of the feed
    PUT    /vouchers/{id}/external/bookkeep       book          booked, or failed

    GET    /invoices/{id}                         read          assumed, 404 unless switched on
    GET    /invoices?invoiceNumber=               find          assumed, 404 unless switched on
    DELETE /invoices/{id}                         delete        assumed, 404 unless switched on

It was written from the provider's page "Create Invoice" (dev.quiddly.com, endpoint invoice/create),
the pages on activating and attaching, and the integration guides for invoices, payments and
vouchers. What they do not say is marked: (I) was inferred, (U) is unknown and chosen here, a
setting in `Assumed` where it matters; error bodies are not documented at all, see `quiddly_forms`.
It is stricter than the original may be: fields the pages do not have are refused. Not here: the
vouchers feed, onboarding, service accounts' own routes, factoring, part payments.
"""

from __future__ import annotations

from sandbox.quiddly.data import (
    CLIENT,
    OTHER_CLIENT,
    PARTNER_USERNAME,
    PASSWORD,
    SERVICE_TOKEN,
    USERNAME,
    Debtors,
    debtor,
    request,
)
from sandbox.quiddly.invoice import LADDER, Payment
from sandbox.quiddly.stand_in import QuiddlyStandIn
from sandbox.quiddly.words import Assumed, Step, Told

__all__ = [
    "CLIENT",
    "LADDER",
    "OTHER_CLIENT",
    "PARTNER_USERNAME",
    "PASSWORD",
    "SERVICE_TOKEN",
    "USERNAME",
    "Assumed",
    "Debtors",
    "Payment",
    "QuiddlyStandIn",
    "Step",
    "Told",
    "debtor",
    "request",
]
