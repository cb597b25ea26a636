"""Run the stand-in on its own."""

from sandbox.kit.program import arguments, run

from .stand_in import InkwellStandIn


def main() -> None:
    """Until SIGINT or SIGTERM."""
    run(InkwellStandIn(), arguments("sandbox.inkwell").parse_args())


if __name__ == "__main__":
    main()
