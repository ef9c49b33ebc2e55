"""The release of a function: a hash of its code from the builder, and one of its configuration from the deployment."""

import json
import os
from pathlib import Path

HEADER = "x-release"
"""Response header with the release."""


def announce(function: str) -> str:
    """Put the release of a function into the environment variable RELEASE, where the application may read it."""
    build = json.loads((Path(__file__).parent / "build.json").read_text())
    parts = (build["functions"][function], os.environ.get("MULTICLOUD_RELEASE", ""))
    os.environ["RELEASE"] = ".".join(part for part in parts if part)
    return os.environ["RELEASE"]


def current() -> str:
    """Return the release of this function."""
    return os.environ.get("RELEASE", "")
