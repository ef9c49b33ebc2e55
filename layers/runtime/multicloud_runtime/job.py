"""A function on a schedule: what calls it may also ask whether it could run."""

import asyncio
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from multicloud_runtime import release

PROBE_PATH = "/multicloud/probe"
"""What is asked where a request probes."""


def is_probe(event: object) -> bool:
    """Tell whether an event asks for the release instead of a run."""
    return isinstance(event, Mapping) and event.get("multicloud") == "probe"


def probed() -> dict[str, str]:
    """Answer a probe: the code was imported, and this is its release."""
    return {"status": "ok", "release": release.current()}


def run(call: Callable[[], Any]) -> None:
    """Call the team's handler, which may be a coroutine function."""
    result = call()
    if inspect.isawaitable(result):

        async def finish() -> None:
            await result

        asyncio.run(finish())
