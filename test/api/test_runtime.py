"""The runtime package of the layer builder: adapters for every protocol, the release, and secrets."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import azure.functions as func
import botocore.session
import flask
import pytest
from botocore.exceptions import ClientError
from fastapi import FastAPI, Request
from starlette.testclient import TestClient

from multicloud_runtime import asgi, aws, gcp, job, wsgi
from multicloud_runtime import azure as azure_runtime


@pytest.fixture(autouse=True)
def release(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("RELEASE", "c0de.c0f1")
    return "c0de.c0f1"


def test_an_application_starts_once_and_its_state_is_in_each_request() -> None:
    starts = []

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, int]]:
        starts.append("start")
        yield {"answer": 42}

    app = FastAPI(lifespan=lifespan)

    @app.get("/")
    async def root(request: Request) -> int:
        return request.state.answer

    # Like Azure's adapter, which starts an application itself.
    with TestClient(asgi.Application(app)) as client:
        answers = [client.get("/"), client.get("/")]
    assert [answer.json() for answer in answers] == [42, 42]
    assert {answer.headers["x-release"] for answer in answers} == {"c0de.c0f1"}
    assert starts == ["start"]


def test_an_application_without_a_lifespan_is_served() -> None:
    async def app(scope: dict[str, Any], _: Any, send: Callable[..., Any]) -> None:
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body"})

    with TestClient(asgi.Application(app)) as client:
        assert client.get("/").status_code == 204


def test_an_application_that_fails_to_start_says_so_at_each_request() -> None:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        raise RuntimeError("no database")
        yield

    with TestClient(asgi.Application(FastAPI(lifespan=lifespan))) as client:
        for _ in range(2):
            with pytest.raises(RuntimeError, match=r"(?s)did not start.*no database"):
                client.get("/")


def test_a_wsgi_application_names_the_release() -> None:
    app = flask.Flask("shop")
    app.add_url_rule("/", view_func=lambda: "hello")
    app.wsgi_app = wsgi.Application(app.wsgi_app)
    answer = app.test_client().get("/")
    assert (answer.text, answer.headers["x-release"]) == ("hello", "c0de.c0f1")


@pytest.mark.parametrize(
    ("returned", "answer"),
    [
        ({"statusCode": 201, "body": "made"}, {"statusCode": 201, "body": "made"}),
        ({"ok": True}, {"statusCode": 200, "body": '{"ok": true}'}),
        ("text", {"statusCode": 200, "body": "text"}),
    ],
)
def test_a_plain_handler_on_aws_names_the_release(returned: Any, answer: dict[str, Any]) -> None:
    told = aws.http_handler(lambda _, __: returned)({}, None)
    assert told["headers"]["x-release"] == "c0de.c0f1"
    assert told | answer == told


def test_a_version_with_a_share_of_the_requests_counts_its_server_errors(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(status: int, _: Any) -> dict[str, Any]:
        return {"statusCode": status}

    assert aws.counted(answer) is answer
    monkeypatch.setenv("MULTICLOUD_CANARY", "true")
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "shop-api")
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_VERSION", "3")
    handle = aws.counted(answer)
    assert [handle(status, None)["statusCode"] for status in (200, 404, 503)] == [200, 404, 503]
    (line,) = capsys.readouterr().out.splitlines()
    counted = json.loads(line)
    (metric,) = counted.pop("_aws")["CloudWatchMetrics"]
    assert counted == {"FunctionName": "shop-api", "ExecutedVersion": "3", "ServerErrors": 1}
    assert metric["Dimensions"] == [["FunctionName", "ExecutedVersion"]]
    assert metric["Metrics"] == [{"Name": "ServerErrors", "Unit": "Count"}]


def test_a_job_runs_unless_it_is_probed() -> None:
    runs = []

    async def nightly() -> None:
        runs.append("run")

    handle = aws.job_handler(nightly)
    assert handle({"multicloud": "probe"}, None) == {"status": "ok", "release": "c0de.c0f1"}
    assert runs == []
    assert handle({}, None) == {"status": "done", "release": "c0de.c0f1"}
    assert runs == ["run"]


def test_a_job_that_fails_fails_its_invocation() -> None:
    def broken() -> None:
        raise ValueError("no more paper")

    with pytest.raises(ValueError, match="no more paper"):
        job.run(broken)


def test_a_handler_on_google_cloud_names_the_release() -> None:
    app = flask.Flask("framework")
    handle = gcp.http_handler(lambda request: ({"path": request.path}, 201))
    with app.test_request_context("/x"):
        answer = handle(flask.request)
    assert (answer.status_code, answer.json, answer.headers["x-release"]) == (201, {"path": "/x"}, "c0de.c0f1")


def test_a_wsgi_application_on_google_cloud_is_answered_whole() -> None:
    shop = flask.Flask("shop")
    shop.add_url_rule("/items", view_func=lambda: ("made", 201), methods=["POST"])
    handle = gcp.wsgi_app(shop.wsgi_app)
    with flask.Flask("framework").test_request_context("/items", method="POST"):
        answer = handle(flask.request)
    assert (answer.status_code, answer.get_data(), answer.headers["x-release"]) == (201, b"made", "c0de.c0f1")


def test_a_job_on_google_cloud_runs_unless_it_is_probed() -> None:
    runs = []
    handle = gcp.job_handler(lambda: runs.append("run"))
    app = flask.Flask("framework")
    with app.test_request_context("/", method="POST", json={"multicloud": "probe"}):
        assert handle(flask.request).json == {"status": "ok", "release": "c0de.c0f1"}
    with app.test_request_context("/", method="POST"):
        assert handle(flask.request).json == {"status": "done"}
    assert runs == ["run"]


def test_the_twin_of_a_job_on_google_cloud_never_runs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MULTICLOUD_TWIN", "true")
    runs = []
    handle = gcp.job_handler(lambda: runs.append("run"))
    app = flask.Flask("framework")
    with app.test_request_context("/multicloud/probe"):
        assert handle(flask.request).json == {"status": "ok", "release": "c0de.c0f1"}
    for path in ("/", "/run"):
        with app.test_request_context(path, method="POST"):
            assert handle(flask.request).status_code == 403
    assert runs == []


def test_handlers_on_azure_name_the_release() -> None:
    (handler,) = azure_runtime.http_handler("api", lambda _: "hello").get_functions()
    request = func.HttpRequest("GET", "https://api.example/", body=b"")
    answer = asyncio.run(handler.get_user_function()(request))
    assert (answer.get_body(), answer.headers["x-release"]) == (b"hello", "c0de.c0f1")


def test_a_job_on_azure_has_a_timer_and_a_probe() -> None:
    runs = []
    timer, probe = azure_runtime.job_handler("nightly", lambda: runs.append("run")).get_functions()
    assert timer.get_trigger().schedule == "%MULTICLOUD_SCHEDULE%"
    answer = probe.get_user_function()(func.HttpRequest("GET", "https://api.example/", body=b""))
    assert json.loads(answer.get_body()) == {"status": "ok", "release": "c0de.c0f1"}
    assert runs == []
    timer.get_user_function()(SimpleNamespace())
    assert runs == ["run"]


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], str]:
    """A fake Secrets Manager: values by ARN and version."""
    values: dict[tuple[str, str], str] = {}

    class Client:
        def get_secret_value(self, SecretId: str, VersionId: str) -> dict[str, str]:  # noqa: N803
            if (SecretId, VersionId) not in values:
                raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "GetSecretValue")
            return {"SecretString": values[SecretId, VersionId]}

    monkeypatch.setattr(botocore.session.Session, "create_client", lambda *_: Client())
    return values


def test_secrets_are_in_the_environment(secrets: dict[tuple[str, str], str], monkeypatch: pytest.MonkeyPatch) -> None:
    secrets["arn:one", "v1"] = "s3cret"
    monkeypatch.setenv("PAYMENT_KEY", "")
    monkeypatch.setenv("MULTICLOUD_SECRETS", json.dumps({"PAYMENT_KEY": {"arn": "arn:one", "version": "v1"}}))
    aws.load_secrets()
    assert os.environ["PAYMENT_KEY"] == "s3cret"


@pytest.mark.usefixtures("secrets")
def test_a_secret_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MULTICLOUD_SECRETS", json.dumps({"PAYMENT_KEY": {"arn": "arn:one", "version": "v1"}}))
    with pytest.raises(RuntimeError, match=r"secret PAYMENT_KEY \(arn:one\) cannot be read.*AccessDenied"):
        aws.load_secrets()
