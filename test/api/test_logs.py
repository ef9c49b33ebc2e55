"""Log lines and their request ids."""

import io
import json
import logging
from collections.abc import Callable, Iterator

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.logs import configure_logs, log
from api.messages import Page, StoreError


class FailingStore:
    def __init__(self, failure: Exception) -> None:
        self.failure = failure

    def newest(self, limit: int, before: str | None) -> Page:
        raise self.failure


@pytest.fixture
def logged() -> Iterator[Callable[[], list[dict]]]:
    """Read the log so far."""
    stream = io.StringIO()
    configure_logs(logging.StreamHandler(stream))
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    log.handlers = []


def client(failure: Exception | None = None, platform_id: str | None = None) -> TestClient:
    return TestClient(create_app(FailingStore(failure), "azure", lambda _: platform_id))


def test_a_request_is_one_line(logged: Callable[[], list[dict]]) -> None:
    client().get("/api/?a=secret", headers={"X-Request-Id": "request-1"})
    (line,) = logged()
    assert line.pop("timestamp").endswith("+00:00")
    assert 0 <= line.pop("duration_ms") < 10_000
    assert line == {
        "level": "INFO",
        "message": "request",
        "request_id": "request-1",
        "method": "GET",
        "path": "/api/",
        "status": 200,
        "provider": "azure",
    }


def test_a_hostile_path_stays_in_its_line(logged: Callable[[], list[dict]]) -> None:
    client().get('/%0a{"level":"ERROR"}%e2%80%a8%1b[31m')
    (line,) = logged()
    assert (line["path"], line["status"]) == ('/\n{"level":"ERROR"}\u2028\x1b[31m', 404)


def test_refused_bodies_are_logged_too(logged: Callable[[], list[dict]]) -> None:
    client().post("/api/messages/", content=b"x" * 20_000)
    assert [line["status"] for line in logged()] == [413]


def test_a_store_that_fails_is_logged_with_its_cause(logged: Callable[[], list[dict]]) -> None:
    answer = client(StoreError("table missing: no such table")).get("/api/messages/")
    cause, request = logged()
    assert (cause["level"], cause["message"], cause["cause"]) == (
        "ERROR",
        "the store failed",
        "table missing: no such table",
    )
    assert "exception" not in cause
    assert request["status"] == 503
    assert cause["request_id"] == request["request_id"] == answer.headers["x-request-id"]


def test_an_unexpected_error_is_logged_with_its_stack(logged: Callable[[], list[dict]]) -> None:
    answer = client(RuntimeError("a bug")).get("/api/messages/")
    error, request = logged()
    assert error["level"] == "ERROR"
    assert "RuntimeError: a bug" in error["exception"]
    assert request["status"] == 500
    assert error["request_id"] == request["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize("sent", ["request-1", "0197f000-0000-7000-8000-000000000000"])
def test_the_clients_request_id_is_kept(sent: str) -> None:
    answer = client(platform_id="platform-1").get("/", headers={"X-Request-Id": sent})
    assert answer.headers["x-request-id"] == sent


@pytest.mark.parametrize("sent", ["", "short", "x" * 65, "a b c d e f", "request-1\\r\\nSet-Cookie: a=b", "número-un"])
def test_a_request_id_that_could_do_harm_is_replaced(sent: str) -> None:
    headers = {"X-Request-Id": sent.encode()}
    assert client(platform_id="platform-1").get("/", headers=headers).headers["x-request-id"] == "platform-1"
    made = {client().get("/", headers=headers).headers["x-request-id"] for _ in range(2)}
    assert len(made) == 2


@pytest.mark.parametrize(("level", "lines"), [("INFO", 1), ("warning", 0), ("", 1), ("nonsense", 1)])
def test_the_level_is_a_setting(monkeypatch: pytest.MonkeyPatch, level: str, lines: int) -> None:
    monkeypatch.setenv("LOG_LEVEL", level)
    stream = io.StringIO()
    configure_logs(logging.StreamHandler(stream), level_key="severity")
    client().get("/")
    assert len(stream.getvalue().splitlines()) == lines
    assert stream.getvalue().count('"severity": "INFO"') == lines
