"""Run the stand-in on its own until SIGINT or SIGTERM."""

import argparse
import asyncio

from sandbox.kit.server import serve_until_told
from sandbox.mollie.stand_in import MollieStandIn


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.mollie")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--e-invoice-delay", type=float, default=0.1)
    parser.add_argument("--collection-delay", type=float, default=0.1)
    parser.add_argument("--key-lifetime", type=float, default=3600.0)
    wishes = parser.parse_args()
    stand_in = MollieStandIn(
        e_invoice_delay=wishes.e_invoice_delay,
        collection_delay=wishes.collection_delay,
        key_lifetime=wishes.key_lifetime,
    )
    asyncio.run(serve_until_told(stand_in, wishes.port))


if __name__ == "__main__":
    main()
