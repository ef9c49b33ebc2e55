"""Messages, and what a store of them must do."""

import secrets
import time
import uuid
from datetime import UTC, datetime
from typing import Annotated, NamedTuple, Protocol

from pydantic import BaseModel, StringConstraints

BOARD = "public"
"""The one board that there is: the partition of every store."""


class NewMessage(BaseModel):
    """A client's input. Control characters other than newlines and tabs are rejected: not every store keeps them."""

    content: Annotated[
        str,
        StringConstraints(
            strip_whitespace=True, min_length=1, max_length=2000, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
        ),
    ]
    author: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]*$"),
    ]


class Message(BaseModel):
    """A stored message."""

    id: str
    """A UUID of version 7: later ids sort higher."""

    content: str
    author: str
    created_at: str
    """Time of posting, UTC, in ISO 8601 with milliseconds."""

    @classmethod
    def from_new(cls, new: NewMessage) -> "Message":
        """Assign an id and a time to a posted message."""
        now = time.time_ns()
        created_at = datetime.fromtimestamp(now // 1_000_000 / 1000, UTC).isoformat(timespec="milliseconds")
        return cls(
            id=str(_uuid7(now)),
            content=new.content,
            author=new.author,
            created_at=created_at.replace("+00:00", "Z"),
        )


def _uuid7(now: int) -> uuid.UUID:
    """Create a UUID of version 7 for a time in nanoseconds; Python has ``uuid.uuid7`` since 3.14.

    The 12 bits after the milliseconds are sub-millisecond time (RFC 9562, section 6.2, method 3), so that messages of a
    process keep their order within a millisecond; the last 62 are random.
    """
    milliseconds, rest = divmod(now, 1_000_000)
    fraction = (rest << 12) // 1_000_000
    return uuid.UUID(int=milliseconds << 80 | 7 << 76 | fraction << 64 | 0b10 << 62 | secrets.randbits(62))


class Page(NamedTuple):
    """A part of the list, newest first."""

    messages: list[Message]
    last_id: str | None
    """Id of the last message, where older ones follow."""

    @classmethod
    def of(cls, found: list[Message], limit: int) -> "Page":
        """Create a page of the first ``limit`` messages; a store reads one more, to know whether more follow."""
        page = found[:limit]
        return cls(page, page[-1].id if len(found) > limit else None)


class StoreError(Exception):
    """The operation failed: the table is missing, access is denied, it is throttled, or the id exists."""


class MessageStore(Protocol):
    """A store of messages. Its methods are thread-safe and raise StoreError."""

    def add(self, message: Message) -> None:
        """Store a message; an existing one is never overwritten."""

    def newest(self, limit: int, before: str | None) -> Page:
        """List up to ``limit`` messages, newest first; with ``before``, only those older than that id."""
