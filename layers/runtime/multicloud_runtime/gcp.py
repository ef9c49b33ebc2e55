"""The functions-framework adapter for functions that answer one request at a time."""

import os
from collections.abc import Callable
from typing import Any

import flask
import functions_framework
from werkzeug.wrappers import Response

from multicloud_runtime import job, release, wsgi


def wsgi_app(app: wsgi.WsgiApplication) -> Callable[..., Any]:
    """Serve a WSGI application."""
    application = wsgi.Application(app)

    @functions_framework.http
    def handle(request: flask.Request) -> Response:
        return Response.from_app(application, request.environ)

    return handle


def http_handler(handler: Callable[[flask.Request], Any]) -> Callable[..., Any]:
    """Serve every path with a function of one request."""

    @functions_framework.http
    def handle(request: flask.Request) -> flask.Response:
        response = flask.make_response(handler(request))
        response.headers[release.HEADER] = release.current()
        return response

    return handle


def job_handler(call: Callable[[], Any]) -> Callable[..., Any]:
    """Run a function on a schedule, at each request that is no probe. A public twin never runs the function."""

    @functions_framework.http
    def handle(request: flask.Request) -> flask.Response:
        if request.path == job.PROBE_PATH or job.is_probe(request.get_json(silent=True)):
            response = flask.jsonify(job.probed())
        elif "MULTICLOUD_TWIN" in os.environ:
            response = flask.make_response({"status": "this twin answers only probes"}, 403)
        else:
            job.run(call)
            response = flask.jsonify({"status": "done"})
        response.headers[release.HEADER] = release.current()
        return response

    return handle
