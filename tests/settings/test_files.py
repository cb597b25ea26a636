"""A variable may name a file that holds what it would say."""

from __future__ import annotations

from pathlib import Path

import pytest

import settings.accounts
import settings.gateway
import settings.worker
from settings.files import MOST_BYTES
from settings.variables import BadSettings
from tests.settings.test_accounts import GOOD, SECRET


def test_a_secret_of_an_account_may_be_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f" {SECRET}\n")
    told = {**GOOD, "ZERO_FRICTION_CLIENT_SECRET": ""}
    told["ZERO_FRICTION_CLIENT_SECRET_FILE"] = str(file)
    assert settings.accounts.read(told) == settings.accounts.read(GOOD)


def test_so_may_any_other_setting(tmp_path: Path) -> None:
    file = tmp_path / "port"
    file.write_text("8081\n")
    assert settings.gateway.read({"GATEWAY_PORT_FILE": str(file)}).port == 8081
    file.write_text("0.5")
    assert settings.worker.read({"INVOICING_PACE_FILE": str(file)}).pace == 0.5


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read"),
        (b"", "is empty"),
        (b"\xff\xfe", "is not UTF-8"),
        (b"1" * (MOST_BYTES + 1), "more than"),
        (b"canary", "must be a whole number"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_by_its_variable_and_by_nothing_else(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    file = tmp_path / "hidden"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(BadSettings, match=said) as caught:
        settings.gateway.read({"GATEWAY_PORT_FILE": str(file)})
    assert "hidden" not in str(caught.value)
    assert "canary" not in str(caught.value)


def test_a_file_for_what_is_no_setting_is_a_typing_error(tmp_path: Path) -> None:
    with pytest.raises(BadSettings) as caught:
        settings.gateway.read({"GATEWAY_PROT_FILE": str(tmp_path)})
    assert caught.value.variables == ("GATEWAY_PROT_FILE",)
    with pytest.raises(BadSettings) as caught:
        settings.accounts.read({**GOOD, "ZERO_FRICTION_SECRET_FILE": str(tmp_path)})
    assert caught.value.variables == ("ZERO_FRICTION_SECRET_FILE",)


def test_a_setting_and_its_file_are_one_too_many(tmp_path: Path) -> None:
    file = tmp_path / "port"
    file.write_text("8081")
    with pytest.raises(BadSettings) as caught:
        settings.gateway.read({"GATEWAY_PORT_FILE": str(file), "GATEWAY_PORT": "8082"})
    assert caught.value.variables == ("GATEWAY_PORT_FILE",)
    told = {**GOOD, "ZERO_FRICTION_CLIENT_SECRET_FILE": str(file)}
    with pytest.raises(BadSettings) as caught:
        settings.accounts.read(told)
    assert caught.value.variables == ("ZERO_FRICTION_CLIENT_SECRET_FILE",)
