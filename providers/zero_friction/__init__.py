"""Zero Friction: energy billing; one-off charges as incidental invoices.

Page: https://developer.zerofriction.co/create-incidental-invoice

Stated there: the order of steps, the look-up routes, `data.id` from create, approval that is
answered before it is done, and that it is done when the status is `approved` *and* a number is
there, polled every 2-3 s; a contract brings its property groups; a line needs a tax code whose rate
holds over the line's period.

Public (the page on webhooks): the header of their signature, that `_type` is the event's name in
small letters, and that the ids it is about stand beside it.

Public (OpenAPI documents of the vendor): authentication and headers, the envelope with `success`
and `errors`, error keys, paging by header, all field names, sending, deleting and crediting, the
statuses and the payment words.

Inferred: one line lies in one calendar year and one rate period (from the error keys); unit prices
are without VAT; VAT is rounded per line; `settled` means paid unless a credit note settled it; the
status `approvalfailed` (support pages name that state, the enumeration lacks it); how a credited
invoice and its credit note point at each other in the answer to `credit`.

Unknown, therefore a setting: whether the search covers `externalReference` (unless it is known to,
find goes through the customer's invoices); whether rates are percentages or fractions;
whether a period's end is its last second or the next midnight; where `disableVATCalculation` sits;
singular or plural in one route; whether an approval may also end in `success: false` of a read;
how a webhook's signature is written (hexadecimal or Base64, with or without `sha256=`: each is
taken, for none is easier to forge). Unknown too: for how long a call whose answer was lost may
still take effect (the port's default), and whether a 429 is given before anything is done (only
reading calls believe it).
No currency occurs anywhere: the organisation bills in one, named by the settings.

Our reference is `externalReference`; every answer that shows an invoice states it. That create's
answer does is not promised, and it is read where it is there.
"""
