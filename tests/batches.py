"""Files of requests, and what the files beside them say."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from tests.lifecycle.world import Company

HEADER = (
    "reference,provider,account,goal,currency,issue_date,due_date,buyer.name,"
    "buyer.account_number,line.id,line.name,line.quantity,line.unit_price,line.vat.rate"
)


def a_row(reference: str, account: str = "", line: str = "1", **changes: str) -> str:
    cells = {
        "reference": reference,
        "provider": "zero_friction",
        "account": account,
        "goal": "sent",
        "currency": "EUR",
        "issue_date": "2026-06-30",
        "due_date": "2026-07-30",
        "buyer.name": "Canary Energy BV",
        "buyer.account_number": "K-1001",
        "line.id": line,
        "line.name": "Meter replacement",
        "line.quantity": "3",
        "line.unit_price": "19.99",
        "line.vat.rate": "21",
        **changes,
    }
    return ",".join(cells.values())


def a_file(folder: Path, *rows: str, name: str = "june.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def results(path: Path) -> list[dict[str, Any]]:
    """What the file beside the input says, line by line."""
    result = path.with_name(f"{path.stem}.result{path.suffix}")
    text = result.read_text(encoding="utf-8-sig")
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in text.splitlines()]
    return list(csv.DictReader(text.splitlines()))


def some(prefix: str, company: Company, number: int = 1) -> list[str]:
    return [f"{prefix}-{company.account}-{each}" for each in range(number)]
