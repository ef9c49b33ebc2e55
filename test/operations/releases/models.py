"""Says which of some paths a vendor's model of an answer does not have.

Reads [{"model", "paths"}] and writes, for each, the paths that are missing. A model is a shape of botocore
(`{"service", "operation", "of": "input" | "output"}`) or a class of Azure's management SDK (`{"package", "class", "flat"}`;
flat where the command line leaves the object `properties` out). `[]` stands for an entry of a list, `*` for a value of a map.
"""

import importlib
import json
import sys
from typing import Any

Path = list[str]


def in_shape(shape: Any, path: Path) -> bool:
    if not path:
        return True
    step, *rest = path
    if shape.type_name == "structure":
        return step in shape.members and in_shape(shape.members[step], rest)
    if shape.type_name == "list":
        return step == "[]" and in_shape(shape.member, rest)
    return shape.type_name == "map" and step == "*" and in_shape(shape.value, rest)


def in_class(models: Any, name: str, path: Path, flat: bool = False) -> bool:
    if not path:
        return True
    if name[0] in "[{":
        return path[0] == ("[]" if name[0] == "[" else "*") and in_class(models, name[1:-1], path[1:])
    described = getattr(models, name, None)
    if described is None:
        # A text or a number has nothing in it; what may be anything may have anything.
        return name in ("object", "JSON")
    for said in described._attribute_map.values():
        wire = said["key"].split(".")
        key = wire[1:] if flat and wire[0] == "properties" and len(wire) > 1 else wire
        if path[: len(key)] == key and in_class(models, said["type"], path[len(key) :]):
            return True
    # The object that the SDK leaves out.
    return any(said["key"].split(".")[: len(path)] == path for said in described._attribute_map.values())


def has(model: dict[str, Any], path: Path) -> bool:
    if "service" in model:
        session = importlib.import_module("botocore.session").get_session()
        operation = session.get_service_model(model["service"]).operation_model(model["operation"])
        return in_shape(operation.input_shape if model["of"] == "input" else operation.output_shape, path)
    models = importlib.import_module(f"{model['package']}.models")
    return in_class(models, model["class"], path, model["flat"])


asked = json.load(sys.stdin)
json.dump([[path for path in each["paths"] if not has(each["model"], path)] for each in asked], sys.stdout)
