"""Run the stand-in on its own until SIGINT or SIGTERM."""

import argparse
import asyncio

from sandbox.kit.server import serve_until_told
from sandbox.quiddly.stand_in import Assumed, QuiddlyStandIn


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.quiddly")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--distribution-delay", type=float, default=0.1)
    switches = ("reads", "lists", "deletes", "unique_numbers")
    for name in switches:
        parser.add_argument(f"--{name.replace('_', '-')}", action="store_true")
    wishes = parser.parse_args()
    stand_in = QuiddlyStandIn(
        distribution_delay=wishes.distribution_delay,
        assumed=Assumed(**{name: getattr(wishes, name) for name in switches}),
    )
    asyncio.run(serve_until_told(stand_in, wishes.port))


if __name__ == "__main__":
    main()
