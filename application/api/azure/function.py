"""The API for Azure Functions."""

import logging

from api.app import create_app
from api.azure.tables import TableStorageStore
from api.logs import configure_logs


class _HostHandler(logging.Handler):
    """Passes lines to the root logger's handlers, which the Functions host reads; stdout may be lost."""

    def emit(self, record: logging.LogRecord) -> None:
        line = logging.makeLogRecord({**vars(record), "msg": self.format(record), "args": (), "exc_info": None})
        logging.getLogger().handle(line)


configure_logs(_HostHandler())
# Otherwise the SDK logs all headers of every call to the tables.
logging.getLogger("azure.core.pipeline.policies.http_logging_policy").setLevel(logging.WARNING)

app = create_app(TableStorageStore.from_environment(), "azure", lambda scope: scope["azure_functions.invocation_id"])
