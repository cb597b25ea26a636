"""Every alert fires where it should and is silent where it should, by Prometheus's own tool."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest
import yaml

from tests.observability.watching import panels, queries, rules

CASES = Path(__file__).parent / "alerts.yml"
PROMTOOL = shutil.which("promtool")

needs_promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="promtool is not here: it comes with Debian's package `prometheus`"
)


def promtool(*arguments: str) -> str:
    """What it says; a failure of its is one of the test."""
    assert PROMTOOL is not None
    ended = subprocess.run(
        [PROMTOOL, *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@needs_promtool
def test_every_alert_fires_when_it_should_and_not_before() -> None:
    assert "SUCCESS" in promtool("test", "rules", str(CASES))


@needs_promtool
def test_prometheus_reads_every_query(tmp_path: Path) -> None:
    named = [{"record": f"query:{n}", "expr": query} for n, query in enumerate(queries())]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": named}]}))
    assert f"{len(named)} rules found" in promtool("check", "rules", str(file))


def test_every_alert_has_a_case_where_it_fires_and_one_where_it_does_not() -> None:
    cases = [
        case
        for test in yaml.safe_load(CASES.read_text())["tests"]
        for case in test.get("alert_rule_test", ())
    ]
    fires = {case["alertname"] for case in cases if case.get("exp_alerts")}
    silent = {case["alertname"] for case in cases if not case.get("exp_alerts")}
    names = {rule["alert"] for rule in rules()}
    assert fires == names
    assert silent == names


def test_no_alert_waits_for_the_second_count_of_a_counter() -> None:
    """A counter is born at 1: `increase` of it is 0 until it counts once more."""
    increasing = {rule["alert"]: rule["expr"] for rule in rules() if "increase(" in rule["expr"]}
    assert increasing.keys() == {
        "OutcomesUnknown",
        "WorkflowTaskFails",
        "NoticesNotTaken",
        "CannotContinue",
    }
    for name, expr in increasing.items():
        (counter,) = set(re.findall(r"increase\((\w+)", expr))
        window = re.findall(r"\[(\w+)\]", expr)[0]
        born = re.search(
            rf"{counter}(\{{.*?\}})?\s+unless {counter}(\{{.*?\}})? offset {window}\b", expr
        )
        assert born, name
        assert born[1] == born[2], name


def test_the_dashboard_has_a_place_and_a_name_for_every_panel() -> None:
    assert set(Counter(panel["title"] for panel in panels()).values()) == {1}
    assert len({panel["id"] for panel in panels()}) == len(panels())
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        at = panel["gridPos"]
        cells = {(at["x"] + dx, at["y"] + dy) for dx in range(at["w"]) for dy in range(at["h"])}
        assert max(x for x, _ in cells) < 24
        assert taken.isdisjoint(cells), panel["title"]
        taken |= cells


def test_what_an_alert_watches_is_on_the_dashboard() -> None:
    shown = {
        name
        for panel in panels()
        for target in panel["targets"]
        for name in metrics(target["expr"])
    }
    watched = {name for rule in rules() for name in metrics(rule["expr"])}
    assert watched <= shown


def metrics(query: str) -> set[str]:
    return set(re.findall(r"\b(?:invoicing|temporal)_\w+", re.sub(r"\{.*?\}", "", query)))
