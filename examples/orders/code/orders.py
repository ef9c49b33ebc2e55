"""Accepts orders over HTTP, and processes them from a queue."""

import json
import logging
import os

import boto3

table = boto3.client("dynamodb")
queue = boto3.client("sqs")
log = logging.getLogger(__name__)


def answer(event: dict, _: object) -> dict | list[str]:
    """Send the order of a POST to the queue; list those that the worker has written."""
    if event["requestContext"]["http"]["method"] == "POST":
        queue.send_message(QueueUrl=os.environ["ORDERS_QUEUE"], MessageBody=event["body"])
        return {"statusCode": 202}
    items = table.scan(TableName=os.environ["ORDERS_TABLE"])["Items"]
    return sorted(item["id"]["S"] for item in items)


def work(event: dict, _: object) -> dict[str, list]:
    """Write each order to the table; report failed items, which the queue delivers again."""
    failures = []
    for record in event["Records"]:
        try:
            order = json.loads(record["body"])
            table.put_item(TableName=os.environ["ORDERS_TABLE"], Item={"id": {"S": order["id"]}})
        except (ValueError, KeyError) as error:
            log.warning("order %s: %r", record["messageId"], error)
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
