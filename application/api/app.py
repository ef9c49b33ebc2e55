"""The FastAPI application, the same on every cloud."""

import os
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.routing import Match
from starlette.types import ASGIApp

from api.body_limit import BodyLimit
from api.logs import log
from api.messages import Message, MessageStore, NewMessage, StoreError
from api.request_log import PlatformRequestId, RequestLog

Provider = Literal["aws", "azure", "gcp"]

BODY_LIMIT = 16 * 1024
"""Bytes of a request's body: the longest message in characters of four bytes, and half as much again."""


def create_app(
    store: MessageStore, provider: Provider, platform_request_id: PlatformRequestId | None = None
) -> ASGIApp:
    """Build the application with a store.

    Environment variables: its version and release (APPLICATION_VERSION, RELEASE), and the issuer and audience of the
    tokens for posting (AUTH_ISSUER, AUTH_AUDIENCE; without them, posting needs no token).
    """
    # A redirect to the path with a slash would contain the function's host instead of the client's address.
    # Documentation pages would load scripts from other hosts; the README documents the API.
    app = FastAPI(title="Messages", redirect_slashes=False, docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(BodyLimit, limit=BODY_LIMIT)
    version = os.environ.get("APPLICATION_VERSION", "unknown")
    release = os.environ.get("RELEASE", "unknown")

    @app.api_route("/", methods=["GET", "HEAD"])
    @app.api_route("/api", methods=["GET", "HEAD"])
    @app.api_route("/api/", methods=["GET", "HEAD"])
    async def status() -> dict[str, str]:
        return {"status": "ok", "provider": provider, "version": version, "release": release}

    @app.api_route("/api/messages", methods=["GET", "HEAD"])
    @app.api_route("/api/messages/", methods=["GET", "HEAD"])
    def list_messages(
        response: Response, limit: Annotated[int, Query(ge=1, le=100)] = 20, cursor: UUID | None = None
    ) -> list[Message]:
        page = store.newest(limit, str(cursor) if cursor else None)
        if page.last_id:
            response.headers["Link"] = f'</api/messages/?limit={limit}&cursor={page.last_id}>; rel="next"'
        return page.messages

    @app.post("/api/messages", status_code=201, dependencies=_token_checks())
    @app.post("/api/messages/", status_code=201, dependencies=_token_checks())
    def post_message(new: NewMessage) -> Message:
        message = Message.from_new(new)
        store.add(message)
        return message

    _answer_errors(app)
    return RequestLog(app, provider, platform_request_id)


def _token_checks() -> list[Depends]:
    issuer = os.environ.get("AUTH_ISSUER")
    if not issuer:
        return []
    # Imported here, because cryptography slows down cold starts, also without token checks.
    from api.auth import TokenCheck

    return [Depends(TokenCheck(issuer, os.environ["AUTH_AUDIENCE"]))]


def _answer_errors(app: FastAPI) -> None:
    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        # The input is not returned: it may be long, or not serialisable as JSON.
        problems = [{"loc": each["loc"], "msg": each["msg"], "type": each["type"]} for each in error.errors()]
        return JSONResponse({"detail": problems}, 422)

    @app.exception_handler(405)
    async def method_not_allowed(request: Request, _: Exception) -> JSONResponse:
        # Starlette lists the methods of one route only, but a path here has one route for reading and one for writing.
        routes = [route for route in app.routes if route.matches(request.scope)[0] is not Match.NONE]
        allowed = sorted({method for route in routes for method in route.methods})
        return JSONResponse({"detail": "Method Not Allowed"}, 405, {"Allow": ", ".join(allowed)})

    @app.exception_handler(StoreError)
    async def store_failed(_: Request, error: StoreError) -> JSONResponse:
        log.error("the store failed", extra={"cause": str(error)})
        return JSONResponse({"detail": "messages are unavailable at the moment"}, 503, {"Retry-After": "5"})

    @app.exception_handler(Exception)
    async def failed(_: Request, __: Exception) -> JSONResponse:
        return JSONResponse({"detail": "Internal Server Error"}, 500)
