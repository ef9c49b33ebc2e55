"""Message counts by author, with the dependencies of another stack's layer."""

import os
from collections import Counter

import botocore.session
from fastapi import FastAPI
from mangum import Mangum

app = FastAPI(openapi_url=None)
dynamodb = botocore.session.get_session().create_client("dynamodb")


@app.get("/")
def count() -> dict[str, int]:
    """Count the messages of each author."""
    pages = dynamodb.get_paginator("query").paginate(
        TableName=os.environ["MESSAGES_TABLE"],
        KeyConditionExpression="board = :board",
        ExpressionAttributeValues={":board": {"S": "public"}},
        ProjectionExpression="author",
    )
    return Counter(item["author"]["S"] for page in pages for item in page["Items"])


handler = Mangum(app, lifespan="off")
