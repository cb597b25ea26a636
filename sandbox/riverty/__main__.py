"""Run the stand-in on its own until SIGINT or SIGTERM."""

import argparse
import asyncio

from sandbox.kit.server import serve_until_told
from sandbox.riverty.stand_in import RivertyStandIn


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.riverty")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--verdict-delay", type=float, default=0.05)
    parser.add_argument("--document-delay", type=float, default=0.05)
    wishes = parser.parse_args()
    stand_in = RivertyStandIn(
        verdict_delay=wishes.verdict_delay, document_delay=wishes.document_delay
    )
    asyncio.run(serve_until_told(stand_in, wishes.port))


if __name__ == "__main__":
    main()
