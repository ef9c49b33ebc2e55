"""The Lambda adapter, and the secrets of Lambda functions."""

import json
import os
import time
from collections.abc import Callable
from typing import Any

from multicloud_runtime import job, release

SERVER_ERROR = 500


def load_secrets() -> None:
    """Put the secrets that MULTICLOUD_SECRETS names into the environment, before the application is imported.

    The variable maps names to ``{"arn": ..., "version": ...}``; the values are in Secrets Manager.
    """
    wanted = json.loads(os.environ.get("MULTICLOUD_SECRETS", "{}"))
    if not wanted:
        return
    import botocore.session
    from botocore.exceptions import BotoCoreError, ClientError

    client = botocore.session.get_session().create_client("secretsmanager")
    for name, secret in wanted.items():
        try:
            answer = client.get_secret_value(SecretId=secret["arn"], VersionId=secret["version"])
        except (BotoCoreError, ClientError) as error:
            raise RuntimeError(f"the secret {name} ({secret['arn']}) cannot be read: {error}") from error
        os.environ[name] = answer["SecretString"]


def counted(handler: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Count responses with status 500 or higher by version during a canary: Lambda does not count them as errors.

    CloudWatch extracts the metric from the log (embedded metric format); operations/releases/aws.ts reads it.
    """
    if "MULTICLOUD_CANARY" not in os.environ:
        return handler

    def handle(event: Any, context: Any) -> Any:
        answer = handler(event, context)
        if isinstance(answer, dict) and int(answer.get("statusCode", 200)) >= SERVER_ERROR:
            print(json.dumps(_server_error()), flush=True)  # noqa: T201 - CloudWatch takes it out of the output
        return answer

    return handle


def _server_error() -> dict[str, Any]:
    metric = {
        "Namespace": "multicloud",
        "Dimensions": [["FunctionName", "ExecutedVersion"]],
        "Metrics": [{"Name": "ServerErrors", "Unit": "Count"}],
    }
    return {
        "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [metric]},
        "FunctionName": os.environ["AWS_LAMBDA_FUNCTION_NAME"],
        "ExecutedVersion": os.environ["AWS_LAMBDA_FUNCTION_VERSION"],
        "ServerErrors": 1,
    }


def http_handler(handler: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Add the release header to a handler's responses. Any other value becomes a response body, as with an HTTP API."""

    def handle(event: Any, context: Any) -> Any:
        answer = handler(event, context)
        if not (isinstance(answer, dict) and "statusCode" in answer):
            body = answer if isinstance(answer, str) else json.dumps(answer)
            answer = {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": body}
        return {**answer, "headers": {**(answer.get("headers") or {}), release.HEADER: release.current()}}

    return handle


def job_handler(call: Callable[[], Any]) -> Callable[[Any, Any], Any]:
    """Run a function on a schedule."""

    def handle(event: Any, _: Any) -> dict[str, str]:
        if job.is_probe(event):
            return job.probed()
        job.run(call)
        return {"status": "done", "release": release.current()}

    return handle
