"""The items in stock, in the table of the cloud that the shop is on."""

import os
from functools import cache
from importlib import import_module
from typing import Protocol, TypedDict


class Item(TypedDict):
    id: str
    count: int


class Store(Protocol):
    """A store of items."""

    def items(self) -> list[Item]:
        """List them by their ids."""

    def put(self, name: str, count: int) -> None:
        """Set how many there are."""


def items() -> list[Item]:
    """List the items by their ids."""
    return sorted(_store().items(), key=lambda item: item["id"])


def put(name: str, count: int) -> None:
    """Set how many there are of an item."""
    _store().put(name, count)


@cache
def _store() -> Store:
    """Create the store of this cloud; each cloud has only its own client library."""
    if "ITEMS_DATABASE" in os.environ:
        cloud = "gcp"
    elif "ITEMS_STORAGE" in os.environ or "ITEMS_STORAGE__tableServiceUri" in os.environ:
        cloud = "azure"
    else:
        cloud = "aws"
    return import_module(f"shop.stores.{cloud}").Items()
