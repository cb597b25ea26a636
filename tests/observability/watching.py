"""The rules and the dashboard that are delivered: what they ask Prometheus."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"


def rules() -> list[dict[str, Any]]:
    """Every alert."""
    groups = yaml.safe_load((DEPLOY / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    """Every panel of the dashboard."""
    dashboard = json.loads((DEPLOY / "grafana.json").read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = dashboard["panels"]
    return found


def queries() -> list[str]:
    """All that either of them asks, without the dashboard's own variables."""
    asked = [each["expr"] for each in rules()]
    asked += [target["expr"] for panel in panels() for target in panel["targets"]]
    return [each.replace("$provider", ".*") for each in asked]
