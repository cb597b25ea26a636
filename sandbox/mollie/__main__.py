"""Run the stand-in on its own."""

from sandbox.kit.program import arguments, run
from sandbox.mollie.stand_in import MollieStandIn


def main() -> None:
    """Until SIGINT or SIGTERM."""
    parser = arguments("sandbox.mollie")
    parser.add_argument("--e-invoice-delay", type=float, default=0.1)
    parser.add_argument("--collection-delay", type=float, default=0.1)
    parser.add_argument("--key-lifetime", type=float, default=3600.0)
    wishes = parser.parse_args()
    names = ("e_invoice_delay", "collection_delay", "key_lifetime")
    run(MollieStandIn(**{name: getattr(wishes, name) for name in names}), wishes)


if __name__ == "__main__":
    main()
