"""The API is tested with the deployed versions."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def pins(lock: Path) -> set[tuple[str, str]]:
    return set(re.findall(r"^([\w.-]+)==([^\s;]+)", lock.read_text(), re.MULTILINE))


@pytest.mark.parametrize("target", ["aws", "azure", "gcp"])
def test_every_deployed_package_is_tested_in_its_version(target: str) -> None:
    deployed = pins(ROOT / f"application/requirements/{target}.lock")
    assert deployed
    missing = deployed - pins(ROOT / "test/api/requirements.lock")
    assert not missing, "lock the tests again, as test/api/requirements.in says"
