"""Run the stand-in on its own."""

from sandbox.invoro.stand_in import InvoroStandIn
from sandbox.kit.program import arguments, run


def main() -> None:
    """Until SIGINT or SIGTERM."""
    parser = arguments("sandbox.invoro")
    parser.add_argument("--sending-delay", type=float, default=0.1)
    parser.add_argument("--delivery-delay", type=float, default=0.1)
    parser.add_argument("--rate-limit", type=int, default=100)
    wishes = parser.parse_args()
    names = ("sending_delay", "delivery_delay", "rate_limit")
    run(InvoroStandIn(**{name: getattr(wishes, name) for name in names}), wishes)


if __name__ == "__main__":
    main()
