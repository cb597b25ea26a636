"""Run the stand-in on its own until SIGINT or SIGTERM."""

import argparse
import asyncio

from sandbox.kit.server import serve_until_told
from sandbox.zero_friction.stand_in import ZeroFrictionStandIn


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.zero_friction")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--approval-delay", type=float, default=0.2)
    parser.add_argument("--sending-delay", type=float, default=0.1)
    wishes = parser.parse_args()
    stand_in = ZeroFrictionStandIn(
        approval_delay=wishes.approval_delay, sending_delay=wishes.sending_delay
    )
    asyncio.run(serve_until_told(stand_in, wishes.port))


if __name__ == "__main__":
    main()
