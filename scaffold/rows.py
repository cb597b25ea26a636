"""The rows that a provider has in lists which others keep."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from scaffold.names import Name


class NoPlace(ValueError):
    """A list is not as it was: the row has to be put in by hand."""


def _before(text: str, mark: str, rows: str) -> str:
    """With the rows before the only line that begins with the mark."""
    at = [found.start() for found in re.finditer(rf"^{re.escape(mark)}", text, re.MULTILINE)]
    if len(at) != 1:
        raise NoPlace(f"no one line begins with {mark!r}")
    return text[: at[0]] + rows + text[at[0] :]


def _registry(text: str, name: Name) -> str:
    made = name.fields
    line = f"from providers.{name.name}.adaptor import {made['Class']}\n"
    text = _before(text, "from providers.zero_friction", line)
    return _before(text, "}\n", f'    "{name.name}": {made["Class"]},\n')


def _imports(text: str, name: Name) -> str:
    """Wherever import-linter lists all providers."""
    last = '"providers.zero_friction"'
    if last not in text:
        raise NoPlace(f"no list has {last}")
    return text.replace(last, f'{last}, "providers.{name.name}"')


def _compose(text: str, name: Name) -> str:
    port = max(map(int, re.findall(r"--port=(\d+)", text))) + 1
    host = f"stand-in-{name.name.replace('_', '-')}"
    service = f"""\
  {host}:
    <<: *stand-in
    command:
      - python
      - -m
      - sandbox.{name.name}
      - --host=0.0.0.0
      - --port={port}
      - --url=http://{host}:{port}
    healthcheck:
      test: [CMD, python, -m, commands.health, "http://127.0.0.1:{port}/_sandbox/calls"]
      interval: 30s
      timeout: 15s
      start_period: 10s

"""
    return _before(text, "networks:", service)


def _variables(text: str, name: Name) -> str:
    upper, host = name.name.upper(), f"stand-in-{name.name.replace('_', '-')}"
    port = 9101 + len(re.findall(r"^#: \w+_BASE_URL=", text, re.MULTILINE))
    text = _before(
        text, "# A second account", f"# TO WRITE: what {name.title} needs.\n{upper}_TOKEN=\n\n"
    )
    known = f"#: {upper}_BASE_URL=http://{host}:{port}\n"
    known += f"#: {upper}_TOKEN=SandboxTokenOfNoWorthForTestsOnly\n"
    return _before(text, "#: INVOICING_PACE", known)


def _configuration(text: str, name: Name) -> str:
    upper = name.name.upper()
    rows = f"""\
### {name.title}

| variable | default | what it says |
|---|---|---|
| `{upper}_BASE_URL` | `https://api.example.invalid` | TO WRITE: where it is reached. |
| `{upper}_TOKEN` | needed | **Secret.** TO WRITE: what it is, and where it is had. |
| `{upper}_TIMEOUT` | `20` | Seconds for one exchange. |

"""
    return _before(text, "### Riverty", rows)


def _readme(text: str, name: Name) -> str:
    cells = (
        "TO WRITE: what create makes | what makes it final | how far it can be followed | by what"
    )
    return _before(text, "| Riverty |", f"| {name.title} | {cells} |\n")


def _kinds(text: str, name: Name) -> str:
    upper = name.name.upper()
    entry = f"from tests.lifecycle.kinds.{name.name} import KIND as {upper}\n"
    text = _before(text, "from tests.lifecycle.kinds.riverty", entry)
    return _before(text, '    "riverty": RIVERTY', f'    "{name.name}": {upper},\n')


ROWS: dict[str, Callable[[str, Name], str]] = {
    "providers/registry.py": _registry,
    "pyproject.toml": _imports,
    "docker-compose.yml": _compose,
    "deploy/worker.env.example": _variables,
    "docs/configuration.md": _configuration,
    "README.md": _readme,
    "tests/lifecycle/kinds/__init__.py": _kinds,
}


def with_rows(root: Path, name: Name) -> dict[Path, str]:
    """Every list with the provider's rows; nothing is written. Raises NoPlace, naming the list."""
    made = {}
    for path, put in ROWS.items():
        try:
            made[root / path] = put((root / path).read_text("utf-8"), name)
        except NoPlace as error:
            raise NoPlace(f"{path}: {error}; put the rows of {name.name} in by hand") from None
    return made
