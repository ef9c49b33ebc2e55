"""The application called like each cloud's runtime does, from its deployed entry point to its store."""

import asyncio
import importlib.util
import io
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import NamedTuple

import azure.functions as func
import pytest
from functions_framework import create_app
from mangum import Mangum
from starlette.testclient import TestClient

from multicloud_runtime import azure as azure_runtime
from multicloud_runtime.asgi import Application

APPLICATION = Path(__file__).parents[2] / "application"


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


Send = Callable[..., Answer]


def fresh(module: str, path: Path) -> ModuleType:
    """Import a module as in a new process, with the current environment."""
    spec = importlib.util.spec_from_file_location(module, path)
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[module] = loaded
    spec.loader.exec_module(loaded)
    return loaded


@contextmanager
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Send]:
    app = fresh("api.aws.function", APPLICATION / "api/aws/function.py").app
    handler = Mangum(Application(app), lifespan="off")

    def send(method: str, path: str, body: bytes = b"", query: str = "") -> Answer:
        http = {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": ""}
        event = {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": query,
            "headers": {"content-type": "application/json", "host": "api.example"},
            "requestContext": {"http": http, "stage": "$default", "domainName": "api.example"},
            "body": body.decode("latin-1"),
            "isBase64Encoded": False,
        }
        answer = handler(event, SimpleNamespace(aws_request_id="platform-1"))
        return Answer(answer["statusCode"], answer["headers"], answer["body"].encode())

    yield send
    loop = asyncio.get_event_loop()
    # Lambda ends a function without notice: its lifespan never ends.
    for task in asyncio.all_tasks(loop):
        task.cancel()
        loop.run_until_complete(asyncio.wait([task]))
    loop.close()
    asyncio.set_event_loop(None)


@contextmanager
def azure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Send]:
    app = azure_runtime.asgi_app(fresh("api.azure.function", APPLICATION / "api/azure/function.py").app)
    (function,) = app.get_functions()
    loop = asyncio.new_event_loop()

    def send(method: str, path: str, body: bytes = b"", query: str = "") -> Answer:
        url = f"https://api.example{path}?{query}"
        request = func.HttpRequest(method, url, headers={"content-type": "application/json"}, body=body)
        context = SimpleNamespace(
            invocation_id="platform-1",
            function_directory="",
            function_name="",
            thread_local_storage=None,
            trace_context=None,
            retry_context=None,
        )
        answer = loop.run_until_complete(function.get_user_function()(request, context))
        return Answer(answer.status_code, dict(answer.headers), answer.get_body())

    yield send
    loop.run_until_complete(app.middleware.notify_shutdown())
    loop.close()
    # Otherwise its finaliser would wait in another event loop for tasks of this one.
    app.startup_task_done = False


@contextmanager
def gcp(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Send]:
    monkeypatch.syspath_prepend(APPLICATION)
    # Cloud Run functions sets it, and the framework then configures logging for the whole process.
    monkeypatch.setenv("LOG_EXECUTION_ID", "true")
    fresh("api.gcp.function", APPLICATION / "api/gcp/function.py")
    main = tmp_path / "main.py"
    main.write_text(
        "from api.gcp.function import app\nfrom multicloud_runtime import gcp_asgi\nhandle = gcp_asgi.asgi_app(app)\n"
    )
    with TestClient(create_app("handle", str(main)), follow_redirects=False) as client:

        def send(method: str, path: str, body: bytes = b"", query: str = "") -> Answer:
            headers = {"Content-Type": "application/json", "X-Cloud-Trace-Context": "platform-1/2;o=1"}
            answer = client.request(method, f"{path}?{query}", content=body, headers=headers)
            return Answer(answer.status_code, dict(answer.headers), answer.content)

        yield send


@pytest.fixture
def stdout(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Replace the standard output that a function has at import."""
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    return stream


@pytest.fixture
def send(
    provider: str, cloud: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Send]:
    monkeypatch.setenv("APPLICATION_VERSION", "3.0.0")
    monkeypatch.setenv("RELEASE", "c0de.c0f1")
    cloud(provider)
    with {"aws": aws, "azure": azure, "gcp": gcp}[provider](monkeypatch, tmp_path) as send:
        yield send


def test_the_provider_the_version_and_the_release_are_told(send: Send, provider: str) -> None:
    answer = send("GET", "/")
    assert answer.status == 200
    told = {"status": "ok", "provider": provider, "version": "3.0.0", "release": "c0de.c0f1"}
    assert json.loads(answer.body) == told
    assert answer.headers["x-release"] == "c0de.c0f1"


def test_a_posted_message_is_listed(send: Send) -> None:
    for number in range(2):
        body = json.dumps({"content": f"message {number} 🎉", "author": "Ada"})
        assert send("POST", "/api/messages/", body.encode()).status == 201
    first = send("GET", "/api/messages/", query="limit=1")
    path, _, query = first.headers["link"].partition(";")[0].strip("<>").partition("?")
    second = send("GET", path, query=query)
    assert [json.loads(page.body)[0]["content"] for page in (first, second)] == ["message 1 🎉", "message 0 🎉"]
    assert "link" not in second.headers


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/nowhere", b"", 404),
        ("DELETE", "/api/messages/", b"", 405),
        ("OPTIONS", "/api/messages/", b"", 405),
        ("POST", "/api/messages/", b"{}", 422),
        ("POST", "/api/messages/", b'{"content": "', 422),
        ("POST", "/api/messages/", b" " * 20_000, 413),
    ],
)
def test_errors_are_the_same_json_everywhere(send: Send, method: str, path: str, body: bytes, status: int) -> None:
    answer = send(method, path, body)
    assert answer.status == status
    assert json.loads(answer.body)["detail"]


# Lambda's events are text; how an HTTP API encodes such a body is not tested here.
@pytest.mark.parametrize("provider", ["azure", "gcp"])
def test_a_body_that_is_not_utf_8_is_refused(send: Send) -> None:
    assert send("POST", "/api/messages/", b'{"content": "\xff", "author": "x"}').status == 400


def test_the_platforms_request_id_is_answered(send: Send) -> None:
    assert send("GET", "/api/").headers["x-request-id"] == "platform-1"


def test_a_line_is_logged_where_the_platform_reads_it(
    stdout: io.StringIO, caplog: pytest.LogCaptureFixture, send: Send, provider: str
) -> None:
    send("GET", "/api/")
    lines = caplog.messages if provider == "azure" else stdout.getvalue().splitlines()
    (line,) = [json.loads(line) for line in lines if line.startswith("{")]
    assert line["request_id"] == "platform-1"
    assert line["severity" if provider == "gcp" else "level"] == "INFO"
