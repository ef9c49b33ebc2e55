"""The API as a Lambda function behind an HTTP API."""

from mangum import Mangum

from api.app import create_app
from api.aws.dynamodb import DynamoDbStore

handler = Mangum(create_app(DynamoDbStore.from_environment(), "aws"), lifespan="off")
