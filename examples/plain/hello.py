"""A plain Lambda handler: no framework, no package."""


def handler(event: dict, _: object) -> dict[str, str]:
    return {"hello": event["queryStringParameters"]["name"] if "queryStringParameters" in event else "world"}
