"""`prepare` makes a server ready; `doctor` finds what is wrong and says how to mend it."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from commands.doctor import WRONG
from commands.views import VIEWS
from invoicing.books.claims import REGISTER_QUEUE
from invoicing.client import InvoicingClient
from invoicing.errors import Rejected
from invoicing.provider import Checks
from invoicing.state.attributes import SEARCH_ATTRIBUTES
from providers.kit.http import client as http_client
from providers.registry import ADAPTORS
from register import opened
from sandbox import invoro, mollie, quiddly
from sandbox.kit.server import serve
from sandbox.zero_friction import ZeroFrictionStandIn
from starter import Code
from temporal_server import local_server
from tests.command_line import lines, typed
from tests.examples import an_invoice
from tests.patience import LONG_ENOUGH
from tests.tiers import detail, slow
from tests.worker_process import account_variables, worker_process

KEYS = "INVOICING_ENCRYPTION_KEYS"


def a_key(name: str, fill: int) -> str:
    return f"{name}:{base64.b64encode(bytes([fill]) * 32).decode()}"


@pytest.fixture(scope="module")
async def ready() -> AsyncIterator[str]:
    """A server with everything registered, and no worker."""
    async with local_server(own=True) as server:
        yield server.address


@pytest.fixture(scope="module")
async def bare() -> AsyncIterator[str]:
    """A server on which one attribute has another type, and the others are missing."""
    async with local_server(own=True, search_attributes={"InvoiceStatus": "Text"}) as server:
        yield server.address


@pytest.fixture
async def stand_in() -> AsyncIterator[ZeroFrictionStandIn]:
    async with serve(ZeroFrictionStandIn()) as served:
        yield served


async def wrong(address: str, **variables: str) -> dict[str, str]:
    """What `doctor` finds wrong, and how to mend it."""
    said = await typed("doctor", "--json", at=address, **variables)
    found = [row for row in lines(said) if row["level"] == WRONG]
    assert said.exit_code == (Code.FAILED if found else Code.DONE), said.output
    assert all(row["mend"] for row in found), "every finding says how to mend it"
    assert "Traceback" not in said.output
    return {row["what"]: row["mend"] for row in found}


# The call that doctor makes


@pytest.mark.parametrize(
    ("made", "secret", "stale"),
    [
        (mollie.MollieStandIn, "token", "test_" + "a" * 30),
        (invoro.InvoroStandIn, "api_key", invoro.LIVE_KEY[:-4] + "aaaa"),
        (quiddly.QuiddlyStandIn, "password", "stale"),
    ],
    ids=["mollie", "invoro", "quiddly"],
)
async def test_every_provider_that_can_be_asked_says_whether_it_lets_us_in(
    made: type[Any], secret: str, stale: str
) -> None:
    adaptor = ADAPTORS[made.__module__.split(".")[1]]
    async with serve(made()) as served, http_client() as http:
        settings = served.account()
        good = adaptor(adaptor.Settings.model_validate(settings), http)
        bad = adaptor(adaptor.Settings.model_validate({**settings, secret: stale}), http)
        assert isinstance(good, Checks)
        assert isinstance(bad, Checks)
        await good.check()
        with pytest.raises(Rejected) as refused:
            await bad.check()
        assert stale not in str(refused.value)
        assert not served.ledger.entries


# prepare


@detail
async def test_prepare_registers_what_is_missing_and_says_so(tmp_path: Path) -> None:
    async with local_server(own=True, search_attributes={"InvoiceStatus": "Keyword"}) as server:
        first = await typed("prepare", "--json", at=server.address)
        again = await typed("prepare", "--json", at=server.address)
        shown = await typed("prepare", at=server.address)
    assert first.exit_code == again.exit_code == Code.DONE, first.output
    told = json.loads(first.stdout)["attributes"]
    registered = dict.fromkeys(SEARCH_ATTRIBUTES, "registered")
    assert told == {**registered, "InvoiceStatus": "there"}
    assert set(json.loads(again.stdout)["attributes"].values()) == {"there"}
    assert "InvoiceDueDate (Datetime)" in shown.stdout


@detail
async def test_prepare_leaves_an_attribute_of_another_type_alone_and_fails(bare: str) -> None:
    async with local_server(own=True, search_attributes={"InvoiceStatus": "Text"}) as server:
        said = await typed("prepare", at=server.address)
    assert said.exit_code == Code.FAILED
    assert "a Text, not a Keyword" in said.stdout
    assert "renamed or removed" in said.stderr


# views


@detail
async def test_every_view_is_a_link_that_the_web_ui_saves(ready: str) -> None:
    at = {"INVOICING_WEB_UI": "http://ui.example.com/"}
    links = json.loads((await typed("views", "--json", at=ready, **at)).stdout)
    for name, url in links.items():
        parts = urlsplit(url)
        query = parse_qs(parts.query)
        assert f"{parts.netloc}{parts.path}" == "ui.example.com/namespaces/default/workflows"
        assert query["savedQuery"] == [name]
        moment = re.sub(r"\d{4}-\d\d-\d\dT[\d:]+Z", "{now}", query["query"][0])
        assert moment == VIEWS[name]
        assert "+" not in parts.query, "the Web UI takes a plus as it is"


@detail
async def test_views_without_a_web_ui_say_which_variable_is_missing(ready: str) -> None:
    said = await typed("views", at=ready)
    assert said.exit_code == Code.BAD_INPUT
    assert "INVOICING_WEB_UI" in said.output


# doctor


@detail
async def test_a_healthy_set_up_is_called_so(ready: str, stand_in: ZeroFrictionStandIn) -> None:
    variables = {**account_variables(stand_in, timeout=5), "TEMPORAL_ADDRESS": ready}
    async with worker_process(variables) as worker:
        await worker.ready()
        said = await typed("doctor", at=ready, **account_variables(stand_in, timeout=5))
        assert said.exit_code == Code.DONE, said.output
        for what in (
            "zero_friction, account default: its credentials are accepted",
            f"the Temporal server at {ready} answers, namespace default",
            f"all {len(SEARCH_ATTRIBUTES)} search attributes are registered",
            "the clock here agrees with that of the Temporal server",
            "workflows: 1 worker",
            "zero_friction: 1 worker",
        ):
            assert what in said.stdout
    assert not stand_in.ledger.entries


@detail
async def test_it_finds_a_server_that_is_not_there() -> None:
    found = await wrong("127.0.0.1:1")
    assert found["no Temporal server answers at 127.0.0.1:1"].startswith("Start it")


@detail
async def test_it_finds_a_namespace_that_is_not_there(ready: str) -> None:
    (what,) = await wrong(ready, TEMPORAL_NAMESPACE="elsewhere")
    assert "does not let us in (NOT_FOUND)" in what


@slow
async def test_it_finds_a_client_configuration_that_cannot_be_read(
    ready: str, tmp_path: Path
) -> None:
    broken = tmp_path / "temporal.toml"
    broken.write_text('api_key = "a-secret')
    found = await wrong(ready, TEMPORAL_CONFIG_FILE=str(broken))
    (what,) = found
    assert "configuration cannot be used" in what
    assert "line 1" in what
    assert found[what].startswith("Mend the file")
    told = await typed("list", at=ready, TEMPORAL_CONFIG_FILE=str(broken))
    assert told.exit_code == Code.UNREACHABLE
    assert "a-secret" not in f"{found} {told.output}"


@detail
async def test_it_finds_attributes_that_are_missing_or_of_another_type(bare: str) -> None:
    found = await wrong(bare)
    odd = found["the search attribute InvoiceStatus is a Text, not a Keyword"]
    assert "Rename or remove" in odd
    assert found["the search attribute InvoiceKeys is missing"] == "Run `prepare`."


@detail
async def test_it_finds_that_no_worker_serves_a_queue(
    ready: str, stand_in: ZeroFrictionStandIn
) -> None:
    client = await InvoicingClient.connect(ready)
    handle = await client.invoices.start(an_invoice("waits-for-a-worker", provider="mollie"))
    try:
        async with asyncio.timeout(LONG_ENOUGH):
            while True:
                found = await wrong(ready, **account_variables(stand_in, timeout=5))
                if any("mollie" in what for what in found):
                    break
    finally:
        await handle.terminate()
    # The workers of other tests may have been there a moment ago.
    assert "no worker serves provider-mollie, and 1 of its invoices are under way" in found


@slow
async def test_it_finds_that_no_worker_keeps_the_register(ready: str, tmp_path: Path) -> None:
    found = await wrong(ready, INVOICING_REGISTER_AT=str(tmp_path / "register.db"))
    what = "no worker serves register: no reference is claimed, so no invoice is made"
    assert "INVOICING_REGISTER_AT" in found[what]
    assert not any("register" in what for what in await wrong(ready))


@detail
async def test_it_finds_work_for_a_register_that_nobody_here_has(
    ready: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def waits(_: object) -> dict[str, float]:
        return {REGISTER_QUEUE: 60.0}

    monkeypatch.setattr("commands.doctor.Queues.backlogs", waits)
    assert any("no worker serves register" in what for what in await wrong(ready))


@slow
async def test_it_says_whether_the_register_can_be_read(ready: str, tmp_path: Path) -> None:
    place = tmp_path / "register.db"
    for made, what in ((False, "there is no register at this place yet"), (True, "can be read")):
        if made:
            opened(str(place)).close()
        said = await typed("doctor", "--json", at=ready, INVOICING_REGISTER_AT=str(place))
        assert any(what in row["what"] for row in lines(said))
        assert place.exists() is made, "it changes nothing"


@detail
async def test_it_finds_variables_that_are_missing_or_misspelt(
    ready: str, stand_in: ZeroFrictionStandIn
) -> None:
    variables = account_variables(stand_in)
    secret = variables.pop("ZERO_FRICTION_CLIENT_SECRET")
    variables["ZERO_FRICTION_CLIENT_SECRETS"] = secret
    variables |= {"INVOICING_GRACES": "90", "INVOICING_CALLS": "few", "INVOICING_LOG": "yaml"}
    found = await wrong(ready, **variables)
    assert "ZERO_FRICTION_CLIENT_SECRET: is missing" in found
    assert "ZERO_FRICTION_CLIENT_SECRETS: is not a setting of this provider" in found
    assert "INVOICING_GRACES: is not a setting" in found
    assert "INVOICING_CALLS: must be a whole number" in found
    assert "INVOICING_LOG: must be one of 'text' or 'json'" in found
    assert secret not in str(found)


@detail
async def test_it_finds_credentials_that_are_refused(
    ready: str, stand_in: ZeroFrictionStandIn
) -> None:
    variables = {**account_variables(stand_in, timeout=5), "ZERO_FRICTION_CLIENT_SECRET": "stale"}
    found = await wrong(ready, **variables)
    mend = found["zero_friction, account default: Zero Friction refuses the client id or secret"]
    assert mend.startswith("Mend the credentials")


@detail
async def test_it_finds_a_provider_that_cannot_be_reached(
    ready: str, stand_in: ZeroFrictionStandIn
) -> None:
    variables = account_variables(stand_in, timeout=5)
    variables["ZERO_FRICTION_TOKEN_URL"] = "http://127.0.0.1:1/token"
    found = await wrong(ready, **variables)
    (what,) = (what for what in found if "account default" in what)
    assert "could not be reached" in what
    assert "BASE_URL" in found[what]


@detail
async def test_it_finds_an_address_where_something_else_answers(ready: str) -> None:
    async with answering(200, b"<html>") as url:
        found = await wrong(ready, MOLLIE_TOKEN="test_" + "a" * 30, MOLLIE_BASE_URL=url)
    (what,) = (what for what in found if what.startswith("mollie, account"))
    assert "BASE_URL" in found[what]


@detail
async def test_it_finds_a_clock_that_is_wrong(ready: str) -> None:
    """By the Date of a provider's answer, whatever that answer is."""
    async with answering(401, b"{}", ahead=timedelta(hours=1)) as url:
        found = await wrong(ready, MOLLIE_TOKEN="test_" + "a" * 30, MOLLIE_BASE_URL=url)
    (what,) = (what for what in found if "clock" in what)
    assert "s behind that of 127.0.0.1" in what
    assert "NTP" in found[what]
    assert any("account default" in what for what in found)


@slow
@pytest.mark.parametrize("keys", ["no-colon", "a:c2hvcnQ="])
async def test_it_finds_a_key_that_cannot_be_used(ready: str, keys: str) -> None:
    found = await wrong(ready, **{KEYS: keys})
    (what,) = found
    assert what.startswith(f"{KEYS}: ")
    assert "c2hvcnQ" not in what


@slow
async def test_it_finds_keys_that_do_not_fit_what_is_stored(
    ready: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEYS, a_key("old", 1))
    client = await InvoicingClient.connect(ready)
    handle = await client.invoices.start(an_invoice("encrypted"))
    try:
        assert not any("cannot be read" in what for what in await wrong(ready))
        async with asyncio.timeout(LONG_ENOUGH):
            while True:
                found = await wrong(ready, **{KEYS: a_key("new", 2)})
                if any("what is stored cannot be read here" in what for what in found):
                    return
    finally:
        await handle.terminate()


@asynccontextmanager
async def answering(status: int, body: bytes, ahead: timedelta = timedelta()) -> AsyncIterator[str]:
    """Something that answers every request like this, with a clock of its own."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            await reader.readuntil(b"\r\n\r\n")
            date = format_datetime(datetime.now(UTC) + ahead, usegmt=True)
            head = f"HTTP/1.1 {status} X\r\nDate: {date}\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            await writer.drain()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port: Any = server.sockets[0].getsockname()[1]
    async with server:
        yield f"http://127.0.0.1:{port}"
