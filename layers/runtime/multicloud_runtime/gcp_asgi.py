"""The functions-framework adapter for ASGI applications."""

from collections.abc import Callable
from typing import Any

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import Response

from multicloud_runtime import asgi


def asgi_app(app: asgi.AsgiApplication) -> Callable[..., Any]:
    """Serve an ASGI application as a response, since the framework calls a response with the same arguments."""
    application = asgi.Application(app)

    class Whole(Response):
        async def __call__(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
            await application(scope, receive, send)

    @functions_framework.aio.http
    async def handle(_: Request) -> Response:
        return Whole()

    return handle
