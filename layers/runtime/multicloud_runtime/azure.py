"""The Azure Functions adapter."""

import inspect
import json
from collections.abc import Callable
from typing import Any

import azure.functions as func

from multicloud_runtime import asgi, job, release, wsgi

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def asgi_app(app: asgi.AsgiApplication) -> func.AsgiFunctionApp:
    """Serve an ASGI application."""
    return func.AsgiFunctionApp(app=asgi.Application(app), http_auth_level=func.AuthLevel.ANONYMOUS)


def wsgi_app(app: wsgi.WsgiApplication) -> func.WsgiFunctionApp:
    """Serve a WSGI application."""
    return func.WsgiFunctionApp(app=wsgi.Application(app), http_auth_level=func.AuthLevel.ANONYMOUS)


def http_handler(name: str, handler: Callable[[func.HttpRequest], Any]) -> func.FunctionApp:
    """Serve every path with a function of one request."""
    app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

    @app.function_name(name)
    @app.route(route="{*route}", methods=_METHODS)
    async def handle(req: func.HttpRequest) -> func.HttpResponse:
        answer = handler(req)
        if inspect.isawaitable(answer):
            answer = await answer
        response = answer if isinstance(answer, func.HttpResponse) else func.HttpResponse(answer)
        response.headers[release.HEADER] = release.current()
        return response

    return app


def job_handler(name: str, call: Callable[[], Any]) -> func.FunctionApp:
    """Run a function at the times of the app setting MULTICLOUD_SCHEDULE. GET /multicloud/probe does not run it."""
    app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

    @app.function_name(name)
    @app.timer_trigger(schedule="%MULTICLOUD_SCHEDULE%", arg_name="timer", run_on_startup=False, use_monitor=True)
    def handle(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the trigger is bound by this name
        job.run(call)

    @app.function_name(f"{name}-probe")
    @app.route(route="multicloud/probe", methods=["GET"])
    def probe(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 - the trigger is bound by this name
        headers = {release.HEADER: release.current()}
        return func.HttpResponse(json.dumps(job.probed()), headers=headers, mimetype="application/json")

    return app
