"""The table of who may do what: every route, the scope it needs, and what a limited caller finds.

    python -m gateway.table docs/access.md      # writes the table, as the routes say it

It is made from the document that the gateway serves, and so from the routes themselves.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gateway import app
from settings.callers import Scope

CODEC = tuple(("POST", f"/codec/{verb}") for verb in ("decode", "encode"))
"""Temporal's own form, so not in our document; there only where payloads are encrypted."""
OPEN = "nobody has to say who they are"


PEOPLE = """
## Callers that an identity provider proves

Where the settings name an OpenID Connect issuer ([configuration.md](configuration.md)), a caller
is also somebody whom it has proven: a person at the console, or the bearer of an access token at
REST. It is called `<the issuer's name>:<sub>`, and may do what its roles say:

| of the role | is that of the caller |
|---|---|
| `VALUES` | it has the role where one of these is in the token's claim |
| `MAY` | its scopes; of several roles, all of theirs together |
| `ACCOUNTS`, `REFERENCES` | its limits; where several roles differ in them it is refused |

Without a role it is refused, and the line of the log says who it was.
"""


@dataclass(frozen=True)
class Row:
    """One route. `scope` None: it is open to everybody."""

    method: str
    path: str
    scope: Scope | None
    limits: str


def rows() -> Iterator[Row]:
    """Every route there is."""
    document = app.described().openapi()
    for path, ways in document["paths"].items():
        for method, operation in ways.items():
            needed = [scope for each in operation.get("security", ()) for scope in _only(each)]
            scope = Scope(needed[0]) if needed else None
            limits = operation.get("x-limits", OPEN)
            yield Row(method.upper(), path, scope, limits)
    for method, path in CODEC:
        yield Row(method, path, Scope.DECRYPT, "no caller that may decrypt is limited")


def _only(requirement: dict[str, list[str]]) -> list[str]:
    (scopes,) = requirement.values()
    return scopes


def markdown() -> str:
    """The table, for people."""
    lines = [
        "# Who may do what at the gateway",
        "",
        "Made by `python -m gateway.table docs/access.md` from the routes themselves, and tried in",
        "full, with every scope and with limits, in `tests/gateway/test_table.py`. A caller may do",
        "what its scopes say; none contains another. *Limited* is a caller whose settings name",
        "accounts or beginnings of references: what is not its own is answered as what does not",
        "exist.",
        "",
        f"| route | {' | '.join(Scope)} | nobody | a limited caller |",
        f"|---|{'---|' * len(Scope)}---|---|",
    ]
    for row in rows():
        cells = ["yes" if row.scope in (scope, None) else "–" for scope in Scope]
        nobody = "yes" if row.scope is None else "–"
        limits = row.limits if row.scope else "–"
        lines.append(f"| `{row.method} {row.path}` | {' | '.join(cells)} | {nobody} | {limits} |")
    return "\n".join(lines) + "\n" + PEOPLE


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(markdown(), encoding="utf-8")
