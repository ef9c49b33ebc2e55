"""Where functions-framework looks for the entry point `handle`."""

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.gcp.function import app


class _Application(Response):
    """The whole application as a response, since the framework calls a response as it would an ASGI application."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await app(scope, receive, send)


@functions_framework.aio.http
async def handle(_: Request) -> Response:
    return _Application()
