"""The shop's scheduled jobs."""

import logging

from shop import stock

log = logging.getLogger("shop")


def restock() -> None:
    """Order items that are out of stock."""
    empty = [item["id"] for item in stock.items() if item["count"] == 0]
    for name in empty:
        stock.put(name, 10)
    log.warning("restocked %d items", len(empty))
