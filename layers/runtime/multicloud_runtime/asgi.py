"""The ASGI application that the adapters serve."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from multicloud_runtime import release

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApplication = Callable[[Scope, Receive, Send], Awaitable[None]]


class Application:
    """Start the application once before its first request, and add the release header to each response.

    The adapters start an application for each request, or never; this class starts it once per process. Its shutdown
    runs on platforms that announce one; most end a function without notice.
    """

    def __init__(self, app: AsgiApplication) -> None:
        self._app = app
        self._state: dict[str, Any] = {}
        self._startup: asyncio.Task[None] | None = None
        self._lifespan: asyncio.Task[None] | None = None
        self._events: asyncio.Queue[Message] = asyncio.Queue()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._answer_lifespan(receive, send)
            return
        if self._startup is None:
            self._startup = asyncio.get_running_loop().create_task(self._start())
        # Shielded, so that a cancelled request does not cancel the startup for the others.
        await asyncio.shield(self._startup)

        async def send_with_release(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [*message.get("headers", []), (release.HEADER.encode(), release.current().encode())]
                message = {**message, "headers": headers}
            await send(message)

        await self._app({**scope, "state": dict(self._state)}, receive, send_with_release)

    async def _start(self) -> None:
        answer: asyncio.Future[Message | None] = asyncio.get_running_loop().create_future()
        self._events.put_nowait({"type": "lifespan.startup"})

        async def send(message: Message) -> None:
            if not answer.done():
                answer.set_result(message)

        async def run() -> None:
            scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self._state}
            try:
                await self._app(scope, self._events.get, send)
            except Exception:
                # By the specification, an application without lifespan raises an exception before it answers.
                if answer.done():
                    raise
            if not answer.done():
                answer.set_result(None)

        self._lifespan = asyncio.get_running_loop().create_task(run())
        message = await answer
        if message is not None and message["type"] == "lifespan.startup.failed":
            raise RuntimeError(f"the application did not start: {message.get('message', '')}")

    async def _answer_lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                await self._stop()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return

    async def _stop(self) -> None:
        if self._lifespan is not None:
            self._events.put_nowait({"type": "lifespan.shutdown"})
            await asyncio.wait([self._lifespan])
