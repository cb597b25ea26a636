"""Run the stand-in on its own until SIGINT or SIGTERM."""

import argparse
import asyncio

from sandbox.invoro.stand_in import InvoroStandIn
from sandbox.kit.server import serve_until_told


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.invoro")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--sending-delay", type=float, default=0.1)
    parser.add_argument("--delivery-delay", type=float, default=0.1)
    parser.add_argument("--rate-limit", type=int, default=100)
    wishes = parser.parse_args()
    stand_in = InvoroStandIn(
        sending_delay=wishes.sending_delay,
        delivery_delay=wishes.delivery_delay,
        rate_limit=wishes.rate_limit,
    )
    asyncio.run(serve_until_told(stand_in, wishes.port))


if __name__ == "__main__":
    main()
