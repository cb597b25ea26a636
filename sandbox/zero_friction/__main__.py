"""Run the stand-in on its own."""

from sandbox.kit.program import arguments, run
from sandbox.zero_friction.stand_in import ZeroFrictionStandIn


def main() -> None:
    """Until SIGINT or SIGTERM."""
    parser = arguments("sandbox.zero_friction")
    parser.add_argument("--approval-delay", type=float, default=0.2)
    parser.add_argument("--sending-delay", type=float, default=0.1)
    wishes = parser.parse_args()
    delays = {"approval_delay": wishes.approval_delay, "sending_delay": wishes.sending_delay}
    run(ZeroFrictionStandIn(**delays), wishes)


if __name__ == "__main__":
    main()
