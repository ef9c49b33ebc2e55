"""An application on AWS, and its packages as a layer for functions that are declared elsewhere."""

import pulumi
import pulumi_multicloud as multicloud

api = multicloud.AwsPythonApi(
    "greeter",
    application="../../template/app",
    region="eu-west-1",
    memory_size=512,
    environment={"GREETING": "hello"},
)
layer = multicloud.PythonLayer("packages", application="../../template/app", layer_name="greeter-packages")

pulumi.export("url", api.url)
pulumi.export("layers", api.layer_arns)
pulumi.export("packages", layer.arn)
