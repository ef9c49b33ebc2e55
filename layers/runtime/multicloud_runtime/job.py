"""A function on a schedule, which also answers probes."""

import asyncio
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from multicloud_runtime import release

PROBE_PATH = "/multicloud/probe"
"""Path of a probe."""


def is_probe(event: object) -> bool:
    """Tell whether an event is a probe for the release."""
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
