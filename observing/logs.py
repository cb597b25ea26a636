"""How processes that run for long write their logs: text, or a JSON object per line."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any, Literal

_TEXT = "%(asctime)s %(levelname)s %(name)s %(message)s"


def set_up(wanted: Literal["text", "json"]) -> None:
    """Write what is INFO or worse to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if wanted == "json" else logging.Formatter(_TEXT))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    # The engine's debug lines show payloads: they stay off whatever else is turned on.
    logging.getLogger("temporalio").setLevel(logging.INFO)


class JsonLines(logging.Formatter):
    """One JSON object per record: time (UTC), level, logger, message, and `exception` if any.

    Our own records carry what they name a second time, as fields: `reference`, `provider` and so
    on. What other libraries attach to theirs is left out, for nobody here knows what it holds.
    """

    def format(self, record: logging.LogRecord) -> str:
        said: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            said["exception"] = self.formatException(record.exc_info)
        return json.dumps(_fields(record) | said, ensure_ascii=False)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    if record.name.partition(".")[0] != "invoicing":
        return {}
    return {
        name: value
        for name, value in vars(record).items()
        if name not in _EVERY_RECORD_S and isinstance(value, (str, int, float, bool))
    }


_EVERY_RECORD_S = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}
