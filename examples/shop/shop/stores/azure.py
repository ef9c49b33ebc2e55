"""Items in Azure Table Storage."""

import os

from azure.data.tables import TableServiceClient
from azure.identity import ManagedIdentityCredential

from shop.stock import Item


class Items:
    def __init__(self) -> None:
        # A connection as Functions configures one: a connection string, or settings that share its name.
        if connection := os.environ.get("ITEMS_STORAGE"):
            service = TableServiceClient.from_connection_string(connection)
        else:
            credential = ManagedIdentityCredential(client_id=os.environ["ITEMS_STORAGE__clientId"])
            service = TableServiceClient(os.environ["ITEMS_STORAGE__tableServiceUri"], credential=credential)
        self._table = service.get_table_client(os.environ["ITEMS_TABLE"])

    def items(self) -> list[Item]:
        return [{"id": entity["RowKey"], "count": entity["count"]} for entity in self._table.list_entities()]

    def put(self, name: str, count: int) -> None:
        self._table.upsert_entity({"PartitionKey": "items", "RowKey": name, "count": count})
