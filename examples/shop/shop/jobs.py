"""What the shop does by itself."""

import logging

from shop import stock

log = logging.getLogger("shop")


def restock() -> None:
    """Order what has run out."""
    empty = [item["id"] for item in stock.items() if item["count"] == 0]
    for name in empty:
        stock.put(name, 10)
    log.warning("restocked %d items", len(empty))
