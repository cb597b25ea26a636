"""Whatever is set by environment variables of ours, read in one place.

    accounts.py     accounts with providers, and subscribers: several of each, named in the variable
    consents.py     what needs two people, by account
    worker.py       how a worker works
    gateway.py      how the gateway listens, and its bounds
    callers.py      whom the gateway lets in: named callers, what each may do, and where
    shared.py       what several processes are told the same way
    files.py        what stands in a file instead of a variable
    variables.py    how variables are read, and what is said when that cannot be done

What one account or subscriber needs stands beside the code that needs it, as its `Settings`. Two
things are read elsewhere: what every client needs (`invoicing.temporal.connection`: Temporal's own
variables and the encryption keys), because services install `invoicing` by itself, and
OpenTelemetry's own variables (`observing`). docs/configuration.md is the table of all of them.
"""
