"""A stand-in for Zero Friction: a real, stateful HTTP server on 127.0.0.1.

In a test process, as many as wanted, nothing shared between them:

    from sandbox import zero_friction as zf
    from sandbox.kit.server import serve

    async with serve(zf.ZeroFrictionStandIn(approval_delay=0.05)) as stand_in:
        stand_in.url                # stands for https://api.zerofriction.co
        stand_in.token_url          # stands for login.microsoftonline.com/…/oauth2/v2.0/token
        zf.CLIENT_ID, zf.CLIENT_SECRET, zf.SCOPE, zf.SUBSCRIPTION_KEY, zf.TENANT, zf.ORGANISATION

        stand_in.faults.place("create", "time_out", when="after")
        gate = stand_in.faults.place("create", "gate", when="after")
        await gate.reached();  gate.release()
        await stand_in.reached("create", nth=1, when="after")   # the 1st create ever has committed
        await stand_in.arrived("create", 2)                     # the 2nd has come in
        async with stand_in.down(): ...                         # nothing listens meanwhile

        stand_in.ledger.live("INV-1")       # ids created and neither deleted nor credited
        stand_in.ledger.effects("INV-1")    # ["created", "approved", "sent", "paid"]
        stand_in.ledger.of("INV-1")         # entries: seq, at, effect, invoice_id, number, gross
        await stand_in.ledger.reached("approved", "INV-1")
        stand_in.calls.count("create");  stand_in.calls.of("create")[0].status
        stand_in.invoice("INV-1")           # what a GET would answer now, amounts as Decimal
        stand_in.finish("INV-1")            # end its approval or sending now (approval_delay=inf)
        stand_in.pay("INV-1");  stand_in.pay("INV-1", Decimal("10.00"))
        stand_in.charge_back("INV-1");  stand_in.refund("INV-1", Decimal("10.00"))
        stand_in.ledger.account("INV-1")    # invoiced, credited, paid: see `sandbox.kit.accounts`
        stand_in.revoke_tokens();  stand_in.reset()

On its own: `python -m sandbox.zero_friction [--port N] [--approval-delay S] [--sending-delay S]`
prints its URL on one line. From other processes:

    POST   /_sandbox/faults               {step, fault, nth, when, times, seconds, retry_after, key}
    GET    /_sandbox/faults               DELETE takes all away
    POST   /_sandbox/faults/{id}/release  opens a gate
    GET    /_sandbox/ledger?reference=    {"entries": [...]}, amounts as strings
    GET    /_sandbox/calls                {"calls": [...], "counts": {...}}
    GET    /_sandbox/account?reference=   {"accounts": [...]}
    POST   /_sandbox/pay                  {reference, amount?}; so are charge_back and refund
    POST   /_sandbox/reset

It was written from the provider's page "Create an incidental invoice via API"
(https://developer.zerofriction.co/create-incidental-invoice) and the public OpenAPI documents of
its billing, configuration and master data APIs. What neither says is marked: (I) was inferred, (U)
is unknown and chosen here, most of it a setting of `ZeroFrictionStandIn`. Tax rates are written in
percent (U), routes for which only HTTP 200 is declared refuse with 200 and `success: false`. It is
stricter than the original may be: a property the documents do not have is refused with HTTP 400,
where the original may ignore it, so that a misspelling shows. Amounts carry no currency: the
organisation bills in one. Not here: bulk routes, notes, attachments of the caller's, webhooks.
"""

from __future__ import annotations

from sandbox.zero_friction.data import (
    CLIENT_ID,
    CLIENT_SECRET,
    ORGANISATION,
    SCOPE,
    SUBSCRIPTION_KEY,
    TENANT,
    TOKEN_PATH,
    BankAccounts,
    BillingItems,
    Contracts,
    Customers,
    PropertyGroups,
    ServiceLocations,
    TaxCodes,
)
from sandbox.zero_friction.stand_in import ZeroFrictionStandIn
from sandbox.zero_friction.words import Step, Told

__all__ = [
    "CLIENT_ID",
    "CLIENT_SECRET",
    "ORGANISATION",
    "SCOPE",
    "SUBSCRIPTION_KEY",
    "TENANT",
    "TOKEN_PATH",
    "BankAccounts",
    "BillingItems",
    "Contracts",
    "Customers",
    "PropertyGroups",
    "ServiceLocations",
    "Step",
    "TaxCodes",
    "Told",
    "ZeroFrictionStandIn",
]
