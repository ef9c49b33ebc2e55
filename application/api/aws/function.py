"""The API as a Lambda function behind an HTTP API."""

from api.app import create_app
from api.aws.dynamodb import DynamoDbStore
from api.logs import configure_logs

configure_logs()

app = create_app(DynamoDbStore.from_environment(), "aws", lambda scope: scope["aws.context"].aws_request_id)
