"""Structured logs: one JSON object per line."""

import json
import logging
import os
import sys
from contextvars import ContextVar
from datetime import UTC, datetime

log = logging.Logger("api")
"""Not one of the process's own: functions-framework disables all that there are, once it has loaded a function."""

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""Id of the request that is being answered; every line logged meanwhile carries it."""

_STANDARD = vars(logging.makeLogRecord({})).keys() | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """Writes a record and its ``extra`` as one JSON object, in ASCII, so that no reader breaks a line in two."""

    def __init__(self, level_key: str = "level") -> None:
        super().__init__()
        self._level_key = level_key

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            self._level_key: record.levelname,
            "message": record.getMessage(),
            "request_id": request_id.get(),
            **{key: value for key, value in vars(record).items() if key not in _STANDARD},
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configure_logs(handler: logging.Handler | None = None, level_key: str = "level") -> None:
    """Send the application's lines of LOG_LEVEL (default INFO) and above to a handler, by default standard output.

    ``level_key`` is the platform's key for the level of a line.
    """
    handler = handler or logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter(level_key))
    log.handlers = [handler]
    handler.setLevel(logging.getLevelNamesMapping().get(os.environ.get("LOG_LEVEL", "").upper(), logging.INFO))
