"""The command line: ask for invoices, watch them, and answer those that wait for a person.

python starter.py --help

Installed (`pip install .[app]`) the same is `invoicing --help`.
"""

from __future__ import annotations

import sys

try:
    from commands import (
        amending,
        attach,
        batch,
        books,
        crediting,
        demo,
        doctor,
        document,
        erasing,
        events,
        invoices,
        lists,
        many,
        options,
        orders,
        pay_link,
        prepare,
        preview,
        reconciling,
        services,
        views,
    )
    from commands.base import Code, app, main
    from rollout import command as rollout
except ModuleNotFoundError as missing:
    sys.exit(
        f"{missing}. In a checkout, `make env` prints the line to type in this terminal first; "
        "installed, durable-invoicing[app] has everything that the command line needs."
    )

__all__ = ["Code", "app", "main"]

# In the order in which the help shows them; by themselves they come as they were imported.
COMMANDS = (
    preview,
    invoices,
    lists,
    document,
    pay_link,
    crediting,
    amending,
    attach,
    options,
    batch,
    many,
    books,
    erasing,
    reconciling,
    orders,
    events,
    views,
    prepare,
    services,
    doctor,
    rollout,
    demo,
)
_ORDER = {module.__name__: place for place, module in enumerate(COMMANDS)}
app.registered_commands.sort(
    key=lambda each: _ORDER[each.callback.__module__] if each.callback else 0
)

if __name__ == "__main__":
    main()
