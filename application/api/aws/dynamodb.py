"""Messages in DynamoDB."""

import os

import botocore.session
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from api.messages import BOARD, Message, Page, StoreError


class DynamoDbStore:
    """A table whose partition is the board and whose sort key is the message's id."""

    def __init__(self, client: BaseClient, table: str) -> None:
        self._client = client
        self._table = table

    @classmethod
    def from_environment(cls) -> "DynamoDbStore":
        """Use the table that MESSAGES_TABLE names."""
        # Ten seconds for all attempts, so that a failure is answered and logged within aws.function.timeout (15).
        config = Config(connect_timeout=2, read_timeout=3, retries={"total_max_attempts": 2, "mode": "standard"})
        # botocore is enough for a client; importing boto3 would only slow down every cold start.
        client = botocore.session.get_session().create_client("dynamodb", config=config)
        return cls(client, os.environ["MESSAGES_TABLE"])

    def add(self, message: Message) -> None:
        item = {"board": BOARD, **message.model_dump()}
        try:
            self._client.put_item(
                TableName=self._table,
                Item={name: {"S": value} for name, value in item.items()},
                ConditionExpression="attribute_not_exists(id)",
            )
        except (BotoCoreError, ClientError) as error:
            raise StoreError(f"DynamoDB table {self._table}: {error}") from error

    def newest(self, limit: int, before: str | None) -> Page:
        condition, values = "board = :board", {":board": {"S": BOARD}}
        if before:
            condition, values = f"{condition} AND id < :before", {**values, ":before": {"S": before}}
        try:
            # One response contains a page: its limit is 1 MB, and 101 messages of maximum length have 0.9 MB.
            answer = self._client.query(
                TableName=self._table,
                KeyConditionExpression=condition,
                ExpressionAttributeValues=values,
                ScanIndexForward=False,
                Limit=limit + 1,
                # Consistent, so that a client sees the message that it has just posted.
                ConsistentRead=True,
            )
        except (BotoCoreError, ClientError) as error:
            raise StoreError(f"DynamoDB table {self._table}: {error}") from error
        items = [{name: value["S"] for name, value in item.items()} for item in answer["Items"]]
        return Page.of([Message.model_validate(item) for item in items], limit)
