"""JSON Schemas of every provider's options: docs/schemas/options, and the gateway's OpenAPI.

python -m providers.schemas docs/schemas/options      # writes one file per provider
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from invoicing.schemas import described, main
from providers.registry import ADAPTORS

OPENAPI = "#/components/schemas/"


def components() -> dict[str, Any]:
    """By name, for an OpenAPI document. Each holds its own definitions: several providers have a
    `LineOptions`."""
    return {
        model.__name__: described(model, f"{OPENAPI}{model.__name__}/$defs/{{model}}")
        for model in (adaptor.Options for adaptor in ADAPTORS.values())
    }


def any_of_them() -> dict[str, Any]:
    """What stands in a request: the options of the provider that it names."""
    names = {provider: adaptor.Options.__name__ for provider, adaptor in ADAPTORS.items()}
    said = ", ".join(f"{provider}: {name}" for provider, name in names.items())
    return {
        "description": f"What only this provider has. By provider: {said}.",
        "anyOf": [{"$ref": f"{OPENAPI}{name}"} for name in names.values()],
        "default": {},
    }


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m providers.schemas FOLDER")
    main(Path(sys.argv[1]), [adaptor.Options for adaptor in ADAPTORS.values()])
