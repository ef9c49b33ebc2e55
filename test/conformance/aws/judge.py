"""Checks templates with CloudFormation's schemas and rules, and calls with botocore's service models.

Reads {"templates": [{"region", "resources"}], "calls": [{"service", "operation", "parameters"}]} and writes the same
two lists, with the findings for each item; for the types in "handlers" it writes their permissions.
"""

import json
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any

import regex
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape
from botocore.validate import ParamValidator
from cfnlint import api
from cfnlint.config import ManualArgs
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

# Ignored rules, with reasons; no others are ignored.
NOT_ASKED = {
    "I3011": "whether data outlive their resource is Pulumi's to say: deletionProtection sets `protect`",
    "W2530": "the provider publishes a version where the function says `publish`; relations.ts holds the alias to it",
}


def findings_of_template(region: str, resources: dict[str, Any]) -> list[dict[str, str]]:
    text = json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources})
    config = ManualArgs(
        ignore_checks=list(NOT_ASKED),
        include_checks=["I"],
        # A string instead of a number is an error: only CloudFormation would convert it.
        configure_rules={"E3012": {"strict": True}},
    )
    return [
        {
            "resource": next(iter(map(str, (match.path or [])[1:2])), ""),
            "at": ".".join(str(step) for step in (match.path or [])[2:]),
            "rule": match.rule.id,
            "message": match.message,
        }
        for match in api.lint(text, regions=[region], config=config)
    ]


@cache
def model_of(service: str, operation: str) -> OperationModel:
    model = Loader().load_service_model(service, "service-2")
    return ServiceModel(model, service).operation_model(operation)


def findings_of_call(service: str, operation: str, parameters: dict[str, Any]) -> list[str]:
    shape = model_of(service, operation).input_shape
    parameters = spelled(parameters, shape)
    report = ParamValidator().validate(parameters, shape)
    if report.has_errors():
        return report.generate_report().split("\n")
    return list(outside(parameters, shape, operation))


def spelled(value: Any, shape: Shape) -> Any:
    """Parameters by the service's names, with lists in place of the service's quantity and items."""
    if shape.type_name == "structure":
        if isinstance(value, list) and "Items" in shape.members:
            items = spelled(value, shape.members["Items"])
            return {"Quantity": len(value), "Items": items} if "Quantity" in shape.members else {"Items": items}
        if not isinstance(value, dict):
            return value
        names = {name.lower(): name for name in shape.members}
        known = {names.get(key.lower(), key): item for key, item in value.items()}
        if {"Quantity", "Items"} <= set(shape.members) and "Items" not in known:
            known.setdefault("Quantity", 0)
        return {key: spelled(item, shape.members[key]) if key in shape.members else item for key, item in known.items()}
    if shape.type_name == "list" and isinstance(value, list):
        return [spelled(item, shape.member) for item in value]
    return value


def outside(value: Any, shape: Shape, at: str) -> Iterator[str]:
    """Constraints of the model that botocore does not validate."""
    if shape.type_name == "structure":
        for key, item in value.items():
            yield from outside(item, shape.members[key], f"{at}.{key}")
    elif shape.type_name == "list":
        for index, item in enumerate(value):
            yield from outside(item, shape.member, f"{at}.{index}")
    elif shape.type_name == "map":
        for key, item in value.items():
            yield from outside(key, shape.key, f"{at}.{key}")
            yield from outside(item, shape.value, f"{at}.{key}")
    else:
        accepted = getattr(shape, "enum", [])
        if accepted and value not in accepted:
            yield f"{at}: {value!r} is not one of {accepted}"
    pattern = shape.metadata.get("pattern")
    if pattern and isinstance(value, str) and not regex.fullmatch(pattern, value):
        yield f"{at}: {value!r} does not match {pattern}"
    if shape.type_name == "integer" and not -(2**31) <= value < 2**31:
        yield f"{at}: {value} does not fit into the 32 bits of an integer"
    size = len(value) if isinstance(value, str | list | dict) else value
    if "max" in shape.metadata and size > shape.metadata["max"]:
        yield f"{at}: {size} is more than {shape.metadata['max']}"


def permissions_of(type_name: str) -> list[str]:
    """All permissions that the handlers of a type may need."""
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", type_name).schema
    return sorted({right for handler in schema.get("handlers", {}).values() for right in handler["permissions"]})


if __name__ == "__main__":
    request = json.load(sys.stdin)
    json.dump(
        {
            "templates": [findings_of_template(**template) for template in request["templates"]],
            "calls": [findings_of_call(**call) for call in request["calls"]],
            "handlers": {name: permissions_of(name) for name in request.get("handlers", [])},
        },
        sys.stdout,
    )
