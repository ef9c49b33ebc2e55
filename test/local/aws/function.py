"""A function that does as the path says, to see how Lambda takes it."""

import json
import os
import sys
import time

import boto3
import greeting


def handler(event, context):
    path, _, argument = event.get("rawPath", "/").removeprefix("/api").strip("/").partition("/")
    return actions.get(path, echo)(event, argument)


def echo(event, argument):
    return {
        "statusCode": 200,
        "headers": {"content-type": "application/json"},
        "cookies": ["a=1", "b=2"],
        "body": json.dumps(
            {
                "event": event,
                "greeting": greeting.text,
                "pid": os.getpid(),
                "path": sys.path,
                "environment": dict(os.environ),
            }
        ),
    }


def sleep(event, argument):
    time.sleep(float(argument))
    return "slept"


def fail(event, argument):
    raise ValueError("as asked")


def leave(event, argument):
    os._exit(3)


def table(event, argument):
    client = boto3.client("dynamodb")
    name = {"TableName": os.environ["MESSAGES_TABLE"]}
    try:
        if argument == "scan":
            return client.scan(**name)["Count"]
        if argument == "put":
            client.put_item(**name, Item={"board": {"S": "public"}, "id": {"S": event["rawQueryString"]}})
        found = client.query(
            **name, KeyConditionExpression="board = :b", ExpressionAttributeValues={":b": {"S": "public"}}
        )
        return [item["id"]["S"] for item in found["Items"]]
    except client.exceptions.ClientError as error:
        return error.response["Error"]


def secret(event, argument):
    client = boto3.client("secretsmanager")
    try:
        version = {"VersionId": event["rawQueryString"]} if event["rawQueryString"] else {}
        return client.get_secret_value(SecretId=argument.replace("_", ":"), **version)["SecretString"]
    except client.exceptions.ClientError as error:
        return error.response["Error"]


actions = {
    "sleep": sleep,
    "fail": fail,
    "leave": leave,
    "table": table,
    "secret": secret,
    "missing": lambda *_: {"statusCode": "?"},
}
