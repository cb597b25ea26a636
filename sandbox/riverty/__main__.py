"""Run the stand-in on its own."""

from sandbox.kit.program import arguments, run
from sandbox.riverty.stand_in import RivertyStandIn


def main() -> None:
    """Until SIGINT or SIGTERM."""
    parser = arguments("sandbox.riverty")
    parser.add_argument("--verdict-delay", type=float, default=0.05)
    parser.add_argument("--document-delay", type=float, default=0.05)
    parser.add_argument("--redeliveries", type=int, default=0)
    parser.add_argument("--redelivery-delay", type=float, default=0.0)
    parser.add_argument("--listener", metavar="URL", help="where notifications are posted")
    wishes = parser.parse_args()

    def listened(stand_in: RivertyStandIn) -> None:
        if wishes.listener:
            stand_in.call(wishes.listener)

    names = ("verdict_delay", "document_delay", "redeliveries", "redelivery_delay")
    run(RivertyStandIn(**{name: getattr(wishes, name) for name in names}), wishes, listened)


if __name__ == "__main__":
    main()
