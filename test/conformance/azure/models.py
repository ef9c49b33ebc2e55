"""Extracts JSON schemas of the operations of Azure's management SDK.

Reads [{"package", "operations", "method"}] and writes the schema of each, in that order: `parameters` of the path, and
the `body`, whose properties have the names that a resource of Pulumi gives them: without the objects around them that
the SDK leaves out too.
"""

import ast
import importlib
import inspect
import json
import re
import sys
from types import ModuleType
from typing import Any

Schema = dict[str, Any]

# The SDK's type names, with their JSON types.
TYPES: dict[str, Schema] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "long": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "duration": {"type": "string", "pattern": r"^P(?!$)(\d+D)?(T(?!$)(\d+H)?(\d+M)?(\d+S)?)?$"},
    "iso-8601": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT"},
    "rfc-1123": {"type": "string"},
    "unix-time": {"type": "integer"},
    "object": {},
    "JSON": {},
}

# The SDK's names of constraints, with those of JSON Schema.
CONSTRAINTS = {
    "pattern": "pattern",
    "min_length": "minLength",
    "max_length": "maxLength",
    "minimum": "minimum",
    "maximum": "maximum",
    "min_items": "minItems",
    "max_items": "maxItems",
    "unique": "uniqueItems",
}


def call_schema(package: str, operations: str, method: str) -> Schema:
    module = importlib.import_module(f"{package}.operations")
    models = importlib.import_module(f"{package}.models")
    function = getattr(getattr(module, operations), method)
    source = ast.parse(inspect.getsource(sys.modules[inspect.unwrap(function).__module__]))
    definitions: dict[str, Schema] = {}
    bodies = (re.search(r"models\.(?:\w+\.)?(\w+)", str(each)) for each in body_annotations(function))
    body = next((match[1] for match in bodies if match), None)
    if body:
        define(body, models, definitions)
    return {
        "type": "object",
        "properties": {
            "parameters": url_parameters(source, operations, method.removeprefix("begin_")),
            "body": {"$ref": f"#/$defs/{body}"} if body else {"type": "object", "additionalProperties": False},
        },
        "$defs": definitions,
    }


def body_annotations(function: Any) -> list[Any]:
    return [each.annotation for each in inspect.signature(function).parameters.values() if "IO" in str(each.annotation)]


def url_parameters(source: ast.Module, operations: str, method: str) -> Schema:
    """Names and constraints, from the function that builds the path; its name has the group if a file has several."""
    group = re.sub(r"(?<!^)(?=[A-Z])", "_", operations.removesuffix("Operations")).lower()
    builders = {f"build_{method}_request", f"build_{group}_{method}_request"}
    function = next(node for node in source.body if isinstance(node, ast.FunctionDef) and node.name in builders)
    found: dict[str, Schema] = {}
    for node in ast.walk(function):
        if not (isinstance(node, ast.Dict) and node.values and isinstance(node.values[0], ast.Call)):
            continue
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(value, ast.Call):
                said = {word.arg: ast.literal_eval(word.value) for word in value.keywords if word.arg in CONSTRAINTS}
                found[str(key.value)] = {"type": "string", **constraints(said)}
    return {"type": "object", "properties": found, "required": list(found), "additionalProperties": False}


def define(name: str, models: ModuleType, definitions: dict[str, Schema]) -> None:
    if name in definitions:
        return
    definitions[name] = {}
    model = getattr(models, name)
    # Includes those of the base type.
    subtype_map = vars(model).get("_subtype_map", {})
    for discriminator, subtypes in subtype_map.items():
        key = wire_name(model._attribute_map[discriminator]["key"])
        for subtype in subtypes.values():
            define(subtype, models, definitions)
        definitions[name] = {
            "type": "object",
            "required": [key],
            "properties": {key: {"enum": list(subtypes)}},
            "allOf": [
                {
                    "if": {"properties": {key: {"const": value}}, "required": [key]},
                    "then": {"$ref": f"#/$defs/{subtype}"},
                }
                for value, subtype in subtypes.items()
            ],
        }
        return
    properties: dict[str, Schema] = {}
    required: list[str] = []
    enums = enumerations(model)
    for attribute, said in model._attribute_map.items():
        validation = model._validation.get(attribute, {})
        key = wire_name(said["key"])
        if validation.get("readonly"):
            # A name that is settable elsewhere in the model is not read-only.
            properties.setdefault(key, {"not": {}})
            continue
        schema = type_schema(said["type"], models, definitions, getattr(models, enums.get(attribute, ""), None))
        properties[key] = {**schema, **constraints(validation)}
        if validation.get("required") and not validation.get("constant"):
            required.append(key)
    definitions[name] = {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def wire_name(key: str) -> str:
    """The last part of a path; dots within names are escaped with a backslash."""
    return re.split(r"(?<!\\)\.", key)[-1].replace("\\.", ".")


def enumerations(model: type) -> dict[str, str]:
    """Enum classes of attributes, from the model's docstring."""
    described = re.sub(r"\s+", " ", inspect.getdoc(model) or "")
    return dict(re.findall(r":vartype (\w+): (?:list\[)?str or ~[\w.]+\.(\w+)", described))


def type_schema(said: str, models: ModuleType, definitions: dict[str, Schema], values: Any) -> Schema:
    if said.startswith("["):
        return {"type": "array", "items": type_schema(said[1:-1], models, definitions, values)}
    if said.startswith("{"):
        return {"type": "object", "additionalProperties": type_schema(said[1:-1], models, definitions, values)}
    if said in TYPES:
        return {**TYPES[said], **({"enum": [each.value for each in values]} if values else {})}
    define(said, models, definitions)
    return {"$ref": f"#/$defs/{said}"}


def constraints(validation: dict[str, Any]) -> Schema:
    return {CONSTRAINTS[key]: value for key, value in validation.items() if key in CONSTRAINTS}


if __name__ == "__main__":
    json.dump([call_schema(**each) for each in json.load(sys.stdin)], sys.stdout)
