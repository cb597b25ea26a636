"""A stand-in for Riverty's Accounting as a Service: a real, stateful HTTP server on 127.0.0.1.

In a test process, as many as wanted, nothing shared between them:

    from sandbox import riverty
    from sandbox.kit.server import serve

    async with serve(riverty.RivertyStandIn()) as stand_in:
        stand_in.url                # stands for https://api-uat.accounting.riverty.io
        riverty.PRIMARY_KEY, riverty.SECONDARY_KEY, riverty.BUSINESS

        async def hear(body: bytes, headers: Mapping[str, str], source: str) -> None: ...
        stand_in.notices.listener = hear    # refuses a notification by raising
        # … or POST /administration/v1/notification-callbacks with a URL on loopback.

        stand_in.faults.place("create", "time_out", when="after")
        stand_in.faults.place("approve", "rejected", key="DUEDATE")
        stand_in.faults.place("approve", "verdict_withheld")
        gate = stand_in.faults.place("create", "gate", when="after")
        await gate.reached();  gate.release()
        await stand_in.reached("create", nth=1, when="after")   # the 1st order has been taken
        async with stand_in.down(): ...                         # nothing listens meanwhile

        stand_in.ledger.effects("ORD1")     # ["created", "approved", "sent", "paid"]
        stand_in.ledger.live("INV-1")       # invoices not credited; none yet: the order itself
        stand_in.ledger.of("INV-1")         # entries: reference (order's), number (invoice's), …
        await stand_in.ledger.reached("approved", "ORD1")
        stand_in.calls.count("create");  stand_in.calls.of("create")[0].status
        stand_in.order("ORD1");  stand_in.invoice("INV-1")      # what the core holds
        stand_in.finish("ORD1")             # judge and render now what is due (verdict_delay=inf)
        stand_in.pay("INV-1");  stand_in.pay("INV-1", Decimal("10.00"))
        stand_in.charge_back("INV-1");  stand_in.render_document("INV-1")
        stand_in.refund("INV-1")            # what was paid too much, or an amount
        stand_in.ledger.account("INV-1")    # invoiced, credited, paid: see `sandbox.kit.accounts`
        stand_in.revoke(riverty.PRIMARY_KEY);  stand_in.reset()

        notices = stand_in.notices          # late, twice, out of order: see `riverty_notices`
        notices.hold();  notices.release(newest_first=True);  notices.stray()
        await notices.delivered("accounting/EDIErrorSent", "ORD1", count=2)
        await notices.again(notices.of("INV-1")[0])

A reference is that of an order or of an invoice: both find what they concern. In the ledger
*created* is an order that the core accepted, *approved* an accepted invoice, *sent* its rendering
and sending, *deleted* an order all of whose lines were cancelled, *credited* an invoice that came
back whole, by returns or goodwills.

On its own: `python -m sandbox.riverty [--port N] [--verdict-delay S] [--document-delay S]` prints
its URL on one line. From other processes:

    POST   /_sandbox/faults               {step, fault, nth, when, times, seconds, retry_after, key}
    GET    /_sandbox/faults               DELETE takes all away
    POST   /_sandbox/faults/{id}/release  opens a gate
    GET    /_sandbox/ledger?reference=    {"entries": [...]}, amounts as strings
    GET    /_sandbox/calls                {"calls": [...], "counts": {...}}
    GET    /_sandbox/account?reference=   {"accounts": [...]}
    POST   /_sandbox/pay                  {reference, amount?}; so are charge_back and refund
    POST   /_sandbox/reset

It was written from the provider's page "Create Invoice"
(https://docs.riverty.com/accounting_as_a_service/api_reference/create_invoice), its neighbours on
orders, cancellations, returns, goodwills, notifications and documents, and the technical
integration guide. The complete definition stands behind a login. What no page says is marked: (I)
was inferred, (U) is unknown and chosen here, most of it a setting of `RivertyStandIn`. It is
stricter than the original may be: a property no page shows is refused, so that a misspelling shows.
Not here: updating invoices, subscriptions, dunning, down payments.
"""

from __future__ import annotations

from sandbox.riverty.data import BUSINESS, PRIMARY_KEY, SECONDARY_KEY, SOURCE
from sandbox.riverty.stand_in import RivertyStandIn
from sandbox.riverty.words import EDI, REQUEST_TYPES, Step, Told

__all__ = [
    "BUSINESS",
    "EDI",
    "PRIMARY_KEY",
    "REQUEST_TYPES",
    "SECONDARY_KEY",
    "SOURCE",
    "RivertyStandIn",
    "Step",
    "Told",
]
