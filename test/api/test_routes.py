"""The routes, their limits and their errors."""

import json
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from api.app import BODY_LIMIT, create_app
from api.messages import Message, Page, StoreError


class MemoryStore:
    """Keeps messages in a list, or fails on demand."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.failure: Exception | None = None

    def add(self, message: Message) -> None:
        if self.failure:
            raise self.failure
        self.messages.insert(0, message)

    def newest(self, limit: int, before: str | None) -> Page:
        if self.failure:
            raise self.failure
        older = [message for message in self.messages if before is None or message.id < before]
        return Page.of(older[: limit + 1], limit)


@pytest.fixture
def memory() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def client(memory: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    monkeypatch.setenv("APPLICATION_VERSION", "3.0.0")
    return TestClient(create_app(memory, "aws"), follow_redirects=False)


def as_json(body: bytes) -> dict:
    return {"content": body, "headers": {"Content-Type": "application/json"}}


@pytest.mark.parametrize("path", ["/", "/api", "/api/"])
def test_status(client: TestClient, path: str) -> None:
    answer = client.get(path)
    told = {"status": "ok", "provider": "aws", "version": "3.0.0", "release": "unknown"}
    assert (answer.status_code, answer.json()) == (200, told)


def test_a_posted_message_is_answered_and_listed(client: TestClient) -> None:
    answer = client.post("/api/messages/", json={"content": " hello\n", "author": "Ada "})
    assert answer.status_code == 201
    assert list(answer.json()) == ["id", "content", "author", "created_at"]
    assert answer.json() | {"content": "hello", "author": "Ada"} == answer.json()
    assert client.get("/api/messages/").json() == [answer.json()]


@pytest.mark.parametrize("path", ["/api/messages", "/api/messages/"])
def test_a_slash_at_the_end_makes_no_difference(client: TestClient, path: str) -> None:
    assert client.get(path).json() == []
    assert client.post(path, json={"content": "a", "author": "b"}).status_code == 201


def test_links_lead_through_all_pages(client: TestClient) -> None:
    posted = [client.post("/api/messages/", json={"content": str(n), "author": "Ada"}).json() for n in range(5)]
    sizes, listed, link = [], [], "/api/messages/?limit=2"
    while link:
        page = client.get(link)
        sizes.append(len(page.json()))
        listed += page.json()
        link = page.links.get("next", {}).get("url")
        # Relative, so that it keeps the client's address behind any proxy.
        assert link is None or link.startswith("/api/messages/?limit=2&cursor=")
    assert (sizes, listed) == ([2, 2, 1], posted[::-1])


def test_a_page_has_twenty_messages_unless_it_is_told_otherwise(client: TestClient) -> None:
    for number in range(21):
        client.post("/api/messages/", json={"content": str(number), "author": "Ada"})
    assert len(client.get("/api/messages/").json()) == 20
    assert len(client.get("/api/messages/?limit=100").json()) == 21


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"author": "Ada"}, ["content"]),
        ({"content": "x"}, ["author"]),
        ({}, ["content", "author"]),
        ({"content": "", "author": "Ada"}, ["content"]),
        ({"content": " \t\n", "author": "Ada"}, ["content"]),
        ({"content": "x" * 2001, "author": "Ada"}, ["content"]),
        ({"content": "x", "author": "y" * 81}, ["author"]),
        ({"content": 1, "author": "Ada"}, ["content"]),
        ({"content": None, "author": ["Ada"]}, ["content", "author"]),
        ({"content": "a\x00b", "author": "Ada"}, ["content"]),
        ({"content": "x", "author": "two\nlines"}, ["author"]),
        ({"content": "lone \ud800 surrogate", "author": "Ada"}, ["content"]),
        ({"content": float("nan"), "author": "Ada"}, ["content"]),
    ],
)
def test_bad_fields_are_named(client: TestClient, memory: MemoryStore, body: dict, fields: list[str]) -> None:
    answer = client.post("/api/messages/", **as_json(json.dumps(body).encode()))
    assert answer.status_code == 422
    assert [problem["loc"] for problem in answer.json()["detail"]] == [["body", field] for field in fields]
    assert all(list(problem) == ["loc", "msg", "type"] for problem in answer.json()["detail"])
    assert memory.messages == []


@pytest.mark.parametrize("body", ["🎉" * 2000, "a\u2028b", "line\r\n\ttab", "<b>&amp;"])
def test_text_at_the_limits_is_accepted(client: TestClient, body: str) -> None:
    answer = client.post("/api/messages/", json={"content": body, "author": "界" * 80})
    assert (answer.status_code, answer.json()["content"]) == (201, body)


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=101", "limit=-1", "limit=x", "limit=", "limit=1.5", "cursor=../etc", "cursor=", "cursor=%00"],
)
def test_bad_parameters_are_named(client: TestClient, query: str) -> None:
    answer = client.get(f"/api/messages/?{query}")
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["query", query.partition("=")[0]]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"content": "\xff\xfe", "author": "x"}', 400),
        (b"\xff", 400),
        (b"not json", 422),
        (b'{"content": "x", "author": "y"', 422),
        (b"[" * 10_000, 400),
        (b"1" * 10_000, 400),
        (b"[]", 422),
        (b"", 422),
    ],
)
def test_a_body_that_cannot_be_read_is_the_clients_error(
    client: TestClient, memory: MemoryStore, body: bytes, status: int
) -> None:
    answer = client.post("/api/messages/", **as_json(body))
    assert answer.status_code == status
    assert answer.json()["detail"]
    assert memory.messages == []


def test_a_form_of_another_page_is_not_taken_for_json(client: TestClient) -> None:
    answer = client.post(
        "/api/messages/", content=b'{"content": "x", "author": "y"}', headers={"Content-Type": "text/plain"}
    )
    assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["body"])


def padded(size: int) -> bytes:
    message = b'{"content": "x", "author": "y"}'
    return message + b" " * (size - len(message))


def test_a_body_of_the_limit_is_accepted(client: TestClient) -> None:
    assert client.post("/api/messages/", **as_json(padded(BODY_LIMIT))).status_code == 201


@pytest.mark.parametrize("path", ["/api/messages", "/api/messages/"])
def test_a_body_over_the_limit_is_refused_whatever_its_length_says(
    client: TestClient, memory: MemoryStore, path: str
) -> None:
    def chunks() -> Iterator[bytes]:
        body = padded(BODY_LIMIT + 1)
        for start in range(0, len(body), 1024):
            yield body[start : start + 1024]

    json_type = {"Content-Type": "application/json"}
    honest = client.post(path, **as_json(padded(BODY_LIMIT + 1)))
    chunked = client.post(path, content=chunks(), headers=json_type)
    lying = client.post(path, content=padded(BODY_LIMIT + 1), headers={**json_type, "Content-Length": "31"})
    for answer in (honest, chunked, lying):
        assert answer.status_code == 413
        assert answer.json()["detail"]
        assert answer.headers["x-request-id"]
    assert memory.messages == []


@pytest.mark.parametrize("path", ["/nowhere", "/api/messages/1", "/docs", "/redoc", "/openapi.json", "/api/%2e%2e"])
def test_unknown_routes(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/", "GET, HEAD"),
        ("DELETE", "/api/", "GET, HEAD"),
        ("PUT", "/api/messages/", "GET, HEAD, POST"),
        ("OPTIONS", "/api/messages", "GET, HEAD, POST"),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(client: TestClient, method: str, path: str, allowed: str) -> None:
    answer = client.request(method, path)
    assert (answer.status_code, answer.json()) == (405, {"detail": "Method Not Allowed"})
    assert answer.headers["allow"] == allowed


@pytest.mark.parametrize("path", ["/", "/api/", "/api/messages/"])
def test_head_answers_with_the_headers_of_get(client: TestClient, path: str) -> None:
    get, head = client.get(path), client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"]


def test_no_header_allows_another_origin(client: TestClient) -> None:
    preflight = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}
    for answer in (client.get("/", headers=preflight), client.options("/api/messages/", headers=preflight)):
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_answers_are_neither_cached_nor_sniffed(client: TestClient) -> None:
    for path in ("/api/messages/", "/nowhere"):
        headers = client.get(path).headers
        assert (headers["cache-control"], headers["x-content-type-options"]) == ("no-store", "nosniff")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_store_that_fails_is_503_without_its_cause(client: TestClient, memory: MemoryStore, method: str) -> None:
    memory.failure = StoreError("DynamoDB table messages: ResourceNotFoundException")
    answer = client.request(method, "/api/messages/", json={"content": "x", "author": "y"})
    assert (answer.status_code, answer.json()) == (503, {"detail": "messages are unavailable at the moment"})
    assert answer.headers["retry-after"] == "5"


def test_an_unexpected_error_is_500_without_a_stack_trace(client: TestClient, memory: MemoryStore) -> None:
    memory.failure = RuntimeError("a secret")
    answer = client.get("/api/messages/")
    assert (answer.status_code, answer.json()) == (500, {"detail": "Internal Server Error"})
    assert answer.headers["x-request-id"]
