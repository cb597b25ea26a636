"""Inkwell keeps invoices and numbers them. It is invented: nobody offers this service.

Page: there is none. What follows pretends that there is, and is written as it would be then.

Stated there: the routes, fields and states below; amounts are text; VAT is rounded per rate; an
invoice is a draft until it is approved, which numbers it at once; only a draft can be deleted; a
list by reference is whole; every answer states the `reference`, which is ours.

Inferred: a refusal (a 4xx that judges the request itself) was not done.

Unknown: for how long a call whose answer was lost may still take effect (the port's default).
"""
