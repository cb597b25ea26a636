"""What is in a file instead of a variable: `MOLLIE_TOKEN_FILE` names the file that holds what
`MOLLIE_TOKEN` would say, as container platforms hand secrets over.

Every variable of ours may be told that way. The file is read once, at the start; space around its
content is not part of it.
"""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path

Problems = dict[str, str]
"""What is wrong, by variable."""

_SUFFIX = "_file"
MOST_BYTES = 100_000
BOTH = "is said a second time, without _FILE: say it one way"


def of_file(name: str, known: Container[str]) -> str | None:
    """Of which known name this one says the file; None where it is no such name."""
    whole, end = name[: -len(_SUFFIX)], name[-len(_SUFFIX) :]
    return whole if end.lower() == _SUFFIX and name not in known and whole in known else None


def from_file(variable: str, path: str, problems: Problems) -> str | None:
    """What the file says; None where `problems` says why it cannot be used, without its name."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        told = content.decode().strip()
    except OSError as error:
        problems[variable] = f"names a file that cannot be read ({error.strerror})"
    except ValueError:
        problems[variable] = "names a file that is not UTF-8 text"
    else:
        if told and len(content) <= MOST_BYTES:
            return told
        problems[variable] = f"names a file that is empty or has more than {MOST_BYTES} bytes"
    return None
