"""A WSGI application as every cloud's adapter serves it."""

from collections.abc import Callable, Iterable
from typing import Any

from multicloud_runtime import release

WsgiApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Application:
    """The application, with the release in each answer's header."""

    def __init__(self, app: WsgiApplication) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        def start_with_release(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            return start_response(status, [*headers, (release.HEADER, release.current())], *rest)

        return self._app(environ, start_with_release)
