"""Items in DynamoDB."""

import os

import botocore.session

from shop.stock import Item


class Items:
    def __init__(self) -> None:
        self._client = botocore.session.get_session().create_client("dynamodb")
        self._table = os.environ["ITEMS_TABLE"]

    def items(self) -> list[Item]:
        found = self._client.scan(TableName=self._table)["Items"]
        return [{"id": item["id"]["S"], "count": int(item["count"]["N"])} for item in found]

    def put(self, name: str, count: int) -> None:
        self._client.put_item(TableName=self._table, Item={"id": {"S": name}, "count": {"N": str(count)}})
