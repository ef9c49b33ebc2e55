"""Builds a layer's content with aws-lambda-builders, as `sam build` does: MANAGER ARCHITECTURE SOURCE ARTIFACTS SCRATCH."""

import os
import sys

from aws_lambda_builders.builder import LambdaBuilder

manager, architecture, source, artifacts, scratch = sys.argv[1:]
LambdaBuilder(language="python", dependency_manager=manager, application_framework=None).build(
    source,
    artifacts,
    scratch,
    os.path.join(source, "requirements.txt"),
    runtime=f"python{sys.version_info.major}.{sys.version_info.minor}",
    architecture=architecture,
    is_building_layer=True,
    executable_search_paths=[os.path.dirname(sys.executable)],
)
