"""Zero Friction's routes of master data: lists and single ones, all of them for reading."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import Response

from sandbox.kit.server import Ask
from sandbox.zero_friction import filters
from sandbox.zero_friction.books import Books
from sandbox.zero_friction.data import Json
from sandbox.zero_friction.filters import Test, filtered
from sandbox.zero_friction.forms import Malformed, envelope, problem_details
from sandbox.zero_friction.paging import known, paged


class MasterData:
    """Handlers over the books."""

    def __init__(self, books: Books) -> None:
        self._books = books

    @property
    def _size(self) -> int:
        return self._books.assumed.page_size

    def find_customers(self, ask: Ask, body: Json) -> Response:
        return paged(
            ask, self._size, filtered(body, filters.CUSTOMERS, self._books.customers.values())
        )

    def find_contracts(self, ask: Ask, body: Json) -> Response:
        quick = ask.query.get("quickFilter", "all")
        if quick not in filters.QUICK:
            raise Malformed({"quickFilter": f"must be one of {', '.join(filters.QUICK)}"})
        found = filtered(body, filters.CONTRACTS, self._books.contracts.values())
        return paged(
            ask, self._size, [contract for contract in found if filters.QUICK[quick](contract)]
        )

    def contract(self, ask: Ask, body: Json) -> Response:
        return envelope(known(self._books.contracts, ask.parameters["id"], "CONTRACT_NOT_FOUND"))

    def list(self, entities: Mapping[str, Json], ask: Ask, body: Json) -> Response:
        """Deleted ones are listed, marked as such (I, from the field `deleted`)."""
        return paged(ask, self._size, list(entities.values()))

    def configuration(self, ask: Ask, body: Json) -> Response:
        """An unknown group is answered 404 (U)."""
        found = self._books.configurations.get(ask.parameters["id"])
        return problem_details(404, "Not Found") if found is None else envelope(found)

    def find_locations(self, ask: Ask, body: Json) -> Response:
        rented = {
            location["id"]: contract["contractor"]["customerId"]
            for contract in self._books.contracts.values()
            for location in contract["serviceLocations"]
        }

        def rents(customer: str, place: Json) -> bool:
            return rented.get(place["id"]) == customer

        named: dict[str, Test | None] = filters.LOCATIONS | {"customerId": rents}
        return paged(ask, self._size, filtered(body, named, self._books.service_locations.values()))
