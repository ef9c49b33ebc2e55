"""What only AWS needs: the store in DynamoDB, and the Lambda function."""
