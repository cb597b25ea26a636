"""Run the stand-in on its own."""

from sandbox.kit.program import arguments, run
from sandbox.quiddly.stand_in import QuiddlyStandIn


def main() -> None:
    """Until SIGINT or SIGTERM."""
    parser = arguments("sandbox.quiddly")
    parser.add_argument("--distribution-delay", type=float, default=0.1)
    switches = ("reads", "lists", "deletes", "unique_numbers")
    for name in switches:
        parser.add_argument(f"--{name.replace('_', '-')}", action="store_true")
    wishes = parser.parse_args()
    names = ("distribution_delay", *switches)
    run(QuiddlyStandIn(**{name: getattr(wishes, name) for name in names}), wishes)


if __name__ == "__main__":
    main()
