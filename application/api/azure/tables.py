"""Messages in Azure Table Storage."""

import os
from itertools import islice
from uuid import UUID

from azure.core.exceptions import AzureError
from azure.data.tables import TableClient, TableServiceClient
from azure.identity import ManagedIdentityCredential

from api.messages import BOARD, Message, Page, StoreError

# In seconds; the library's default of ten retries would take minutes.
_LIMITS = {"retry_total": 1, "connection_timeout": 2, "read_timeout": 5}


class TableStorageStore:
    """A table whose partition is the board. Rows sort only upwards, so a row's key is its id, inverted."""

    def __init__(self, table: TableClient) -> None:
        self._table = table

    @classmethod
    def from_environment(cls) -> "TableStorageStore":
        """Use the table that MESSAGES_TABLE names, over the connection MESSAGES_STORAGE.

        The connection has the form of Functions: a connection string, or settings with its name as prefix.
        """
        connection = os.environ.get("MESSAGES_STORAGE")
        if connection:
            service = TableServiceClient.from_connection_string(connection, **_LIMITS)
        else:
            credential = ManagedIdentityCredential(client_id=os.environ["MESSAGES_STORAGE__clientId"])
            endpoint = os.environ["MESSAGES_STORAGE__tableServiceUri"]
            service = TableServiceClient(endpoint, credential=credential, **_LIMITS)
        return cls(service.get_table_client(os.environ["MESSAGES_TABLE"]))

    def add(self, message: Message) -> None:
        try:
            self._table.create_entity({"PartitionKey": BOARD, "RowKey": _row_key(message.id), **message.model_dump()})
        except AzureError as error:
            raise StoreError(f"Azure table {self._table.table_name}: {error}") from error

    def newest(self, limit: int, before: str | None) -> Page:
        condition, parameters = "PartitionKey eq @board", {"board": BOARD}
        if before:
            condition, parameters = f"{condition} and RowKey gt @row", {**parameters, "row": _row_key(before)}
        found = self._table.query_entities(condition, parameters=parameters, results_per_page=limit + 1)
        try:
            # The service may return fewer per response; the iterator then requests more.
            entities = list(islice(found, limit + 1))
        except AzureError as error:
            raise StoreError(f"Azure table {self._table.table_name}: {error}") from error
        return Page.of([Message.model_validate(entity) for entity in entities], limit)


def _row_key(message_id: str) -> str:
    return str(UUID(int=~UUID(message_id).int & (1 << 128) - 1))
