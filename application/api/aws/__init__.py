"""Parts for AWS: the store in DynamoDB, and the Lambda function."""
