"""The API for Cloud Run functions."""

from starlette.datastructures import Headers
from starlette.types import Scope

from api.app import create_app
from api.gcp.firestore import FirestoreStore
from api.logs import configure_logs


def _trace_id(scope: Scope) -> str | None:
    return Headers(scope=scope).get("x-cloud-trace-context", "").partition("/")[0] or None


configure_logs(level_key="severity")

app = create_app(FirestoreStore.from_environment(), "gcp", _trace_id)
