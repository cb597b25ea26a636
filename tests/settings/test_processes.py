"""Variables with fixed names: what is read, and what is said when that cannot be done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

import pytest

import settings.gateway
import settings.shared
import settings.worker
from providers.registry import ADAPTORS
from settings.variables import BadSettings
from settings.worker import WorkerSettings


def test_without_any_variable_everything_has_its_default() -> None:
    assert settings.worker.read({"PATH": "/bin", "INVOICING_PACE": " "}) == WorkerSettings()


def test_what_is_set_is_taken() -> None:
    read = settings.worker.read({"INVOICING_PACE": " 0.5 ", "INVOICING_METRICS": "127.0.0.1:9464"})
    assert (read.pace, read.metrics, read.calls) == (0.5, "127.0.0.1:9464", WorkerSettings().calls)


def test_space_around_a_value_is_not_part_of_it() -> None:
    assert settings.shared.logs({"INVOICING_LOG": " json\r"}).log == "json"


def test_a_variable_in_small_letters_is_not_ours() -> None:
    assert settings.worker.read({"invoicing_pace": "7"}).pace == 1


def test_settings_made_in_code_read_no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INVOICING_PACE", "7")
    assert WorkerSettings().pace == 1
    assert settings.worker.read({}).pace == 1


def test_variables_that_other_processes_read_are_no_mistake_of_the_worker_s() -> None:
    others = {
        "INVOICING_LOG": "json",
        "INVOICING_WEB_UI": "http://localhost:8233",
        "INVOICING_ENCRYPTION_KEYS": "one:key",
        "INVOICING_SUBSCRIBER__ERP__URL": "https://erp.example.com/",
    }
    assert settings.worker.read(others) == WorkerSettings()


@pytest.mark.parametrize(
    ("read", "variables", "named"),
    [
        (settings.worker.read, {"INVOICING_PACE": "-1"}, {"INVOICING_PACE"}),
        (
            settings.worker.read,
            {"INVOICING_CALLS": "canary", "INVOICING_GRACES": "canary"},
            {"INVOICING_CALLS", "INVOICING_GRACES"},
        ),
        (
            settings.gateway.read,
            {"INVOICING_ENCRYPTION_KEY": "canary"},
            {"INVOICING_ENCRYPTION_KEY"},
        ),
        (settings.shared.logs, {"INVOICING_LOG": "canary"}, {"INVOICING_LOG"}),
        (settings.gateway.read, {"GATEWAY_PORT": "canary"}, {"GATEWAY_PORT"}),
        (
            settings.gateway.read,
            {"GATEWAY_BURST": "0", "GATEWAY_SERVICE_HOST": "canary"},
            {"GATEWAY_BURST", "GATEWAY_SERVICE_HOST"},
        ),
    ],
)
def test_every_variable_that_is_wrong_or_that_nobody_reads_is_named_at_once_and_no_value(
    read: Callable[[Mapping[str, str]], object], variables: dict[str, str], named: set[str]
) -> None:
    with pytest.raises(BadSettings) as caught:
        read(variables)
    assert set(caught.value.variables) == named
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("INVOICING_PACE", "fast", "must be a number"),
        ("INVOICING_PACE", "0", "must be more than 0"),
        ("INVOICING_CALLS", "2.5", "must be a whole number"),
        ("INVOICING_CACHED_WORKFLOWS", "-1", "must be 0 or more"),
        ("INVOICING_METRIC", "127.0.0.1:9464", "is not a setting"),
    ],
)
def test_a_mistake_is_said_in_plain_words(variable: str, value: str, said: str) -> None:
    with pytest.raises(BadSettings, match=f"{variable}: {said}"):
        settings.worker.read({variable: value})


class TestMoneyAfterTheEnd:
    def test_it_is_thirteen_months_at_every_provider(self) -> None:
        hears = settings.worker.read({}).hears()
        assert set(hears) == set(ADAPTORS)
        assert set(hears.values()) == {timedelta(days=396)}

    def test_a_provider_may_have_days_of_its_own(self) -> None:
        told = {"INVOICING_MONEY_DAYS": "30", "INVOICING_MONEY_DAYS_OF": "mollie:180, riverty:0"}
        hears = settings.worker.read(told).hears()
        assert hears["mollie"] == timedelta(days=180)
        assert (hears["riverty"], hears["invoro"]) == (timedelta(), timedelta(days=30))

    @pytest.mark.parametrize("days", ["sage:30", "mollie", "mollie:30 mollie:40", "mollie:9999"])
    def test_what_nobody_can_mean_is_refused(self, days: str) -> None:
        with pytest.raises(BadSettings, match="INVOICING_MONEY_DAYS_OF"):
            settings.worker.read({"INVOICING_MONEY_DAYS_OF": days})
