"""An id and a log line for every request, independent of its route and result."""

import re
import time
import uuid
from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.logs import log, request_id

PlatformRequestId = Callable[[Scope], str | None]
"""Finds the id that a platform gave a request, which its own log lines and traces carry too."""

_ACCEPTED_ID = re.compile(r"[\w-]{8,64}", re.ASCII)


class RequestLog:
    """ASGI middleware around the whole application, so that error responses pass through it too."""

    def __init__(self, app: ASGIApp, provider: str, platform_request_id: PlatformRequestId | None = None) -> None:
        self._app = app
        self._provider = provider
        self._platform_request_id = platform_request_id or (lambda _: None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        started = time.perf_counter()
        status: int | None = None
        sent_id = Headers(scope=scope).get("x-request-id", "")
        known_id = sent_id if _ACCEPTED_ID.fullmatch(sent_id) else self._platform_request_id(scope)
        this_id = known_id or str(uuid.uuid4())
        token = request_id.set(this_id)

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = this_id
                headers["X-Content-Type-Options"] = "nosniff"
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except Exception:
            log.exception("unhandled error")
            # FastAPI responds with 500 and re-raises the error for the server's log; it is logged here instead.
            if status is None:
                raise
        finally:
            duration = round((time.perf_counter() - started) * 1000, 1)
            log.info(
                "request",
                extra={
                    "method": scope["method"],
                    "path": scope["path"],
                    "status": status or 500,
                    "duration_ms": duration,
                    "provider": self._provider,
                },
            )
            request_id.reset(token)
