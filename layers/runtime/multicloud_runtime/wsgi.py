"""The WSGI application that the adapters serve."""

from collections.abc import Callable, Iterable
from typing import Any

from multicloud_runtime import release

WsgiApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Application:
    """Add the release header to each response."""

    def __init__(self, app: WsgiApplication) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        def start_with_release(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            return start_response(status, [*headers, (release.HEADER, release.current())], *rest)

        return self._app(environ, start_with_release)
