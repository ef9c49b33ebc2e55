"""Items in Firestore."""

import os

from google.cloud import firestore

from shop.stock import Item


class Items:
    def __init__(self) -> None:
        client = firestore.Client(project=os.environ["GOOGLE_CLOUD_PROJECT"], database=os.environ["ITEMS_DATABASE"])
        self._items = client.collection(os.environ["ITEMS_TABLE"])

    def items(self) -> list[Item]:
        return [{"id": found.id, "count": found.get("count")} for found in self._items.stream()]

    def put(self, name: str, count: int) -> None:
        self._items.document(name).set({"count": count})
