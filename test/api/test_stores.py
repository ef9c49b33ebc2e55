"""Behaviour of every store, on every cloud."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from api.messages import Message, MessageStore, NewMessage, StoreError


def post(store: MessageStore, content: str, author: str = "Ada") -> Message:
    message = Message.from_new(NewMessage(content=content, author=author))
    store.add(message)
    return message


def test_an_empty_store_lists_nothing(store: MessageStore) -> None:
    assert store.newest(20, None) == ([], None)
    assert store.newest(20, "0197f000-0000-7000-8000-000000000000") == ([], None)


def test_the_newest_comes_first(store: MessageStore) -> None:
    posted = [post(store, f"message {number}") for number in range(5)]
    assert store.newest(20, None).messages == posted[::-1]


def test_pages_hold_every_message_once(store: MessageStore) -> None:
    posted = [post(store, f"message {number}") for number in range(7)]
    first = store.newest(3, None)
    second = store.newest(3, first.last_id)
    third = store.newest(3, second.last_id)
    assert first.messages + second.messages + third.messages == posted[::-1]
    assert third.last_id is None


def test_a_page_that_ends_the_list_has_none_after_it(store: MessageStore) -> None:
    for number in range(2):
        post(store, f"message {number}")
    assert store.newest(2, None).last_id is None


def test_what_is_posted_meanwhile_moves_no_page(store: MessageStore) -> None:
    posted = [post(store, f"message {number}") for number in range(4)]
    first = store.newest(2, None)
    post(store, "meanwhile")
    assert store.newest(2, first.last_id).messages == posted[1::-1]


def test_the_largest_page_of_the_largest_messages(store: MessageStore) -> None:
    with ThreadPoolExecutor(4) as threads:
        posted = list(threads.map(lambda _: post(store, "🎉" * 2000, "🎉" * 80), range(101)))
    page = store.newest(100, None)
    assert len(page.messages) == 100
    assert store.newest(100, page.last_id).messages == [min(posted, key=lambda message: message.id)]


@pytest.mark.parametrize(
    "content",
    [
        "Zoë 你好 שלום 🎉👩🏽‍🚀",
        "e\u0301 and \u00e9 are not made one",
        "a'b\"c`\\; DROP TABLE messages --",
        "first line\nsecond\ttabbed\r\nthird",
        "<script>alert(1)</script> & &amp;",
        "a\u2028b\u200bc\ufeffd\uffff",
        "x" * 2000,
    ],
)
def test_a_message_comes_back_as_it_was_posted(store: MessageStore, content: str) -> None:
    posted = post(store, content, "Ådå 你")
    assert posted.content == content
    assert store.newest(1, None).messages == [posted]


def test_concurrent_posts_are_all_kept(store: MessageStore) -> None:
    with ThreadPoolExecutor(8) as threads:
        posted = list(threads.map(lambda number: post(store, f"message {number}"), range(40)))
    listed = store.newest(100, None).messages
    assert listed == sorted(posted, key=lambda message: message.id, reverse=True)


def test_an_id_is_never_written_twice(store: MessageStore) -> None:
    message = post(store, "first")
    with pytest.raises(StoreError):
        store.add(message.model_copy(update={"content": "second"}))
    assert store.newest(20, None).messages == [message]


# Firestore collections are implicit, so none can be missing.
@pytest.mark.parametrize("provider", ["aws", "azure"])
def test_a_missing_table_is_named(new_store: Callable[[], MessageStore], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESSAGES_TABLE", "missing")
    store = new_store()
    with pytest.raises(StoreError, match=r"table missing: .*(?i:not ?found|not exist)"):
        store.newest(20, None)
    with pytest.raises(StoreError, match=r"table missing: .*(?i:not ?found|not exist)"):
        post(store, "lost")


def test_a_store_that_is_not_there_is_given_up_in_time(
    new_store: Callable[[], MessageStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client gets a response, and the log the cause, before the function's timeout of 15 seconds."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:1")
    monkeypatch.setenv("MESSAGES_STORAGE", "AccountName=a;AccountKey=YQ==;TableEndpoint=http://127.0.0.1:1/a;")
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1")
    store = new_store()
    started = time.monotonic()
    with pytest.raises(StoreError):
        store.newest(20, None)
    with pytest.raises(StoreError):
        post(store, "lost")
    assert time.monotonic() - started < 2 * 12


def test_ids_of_one_moment_do_not_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 1_700_000_000_123_456_789)
    messages = [Message.from_new(NewMessage(content="x", author="y")) for _ in range(10_000)]
    assert len({message.id for message in messages}) == 10_000
    # 018bcfe5687b is 1,700,000,000,123 milliseconds; 74f is 0.456789 of one, in 4096ths.
    assert {message.id[:18] for message in messages} == {"018bcfe5-687b-774f"}
    assert {message.id[19] for message in messages} <= set("89ab")
    assert {message.created_at for message in messages} == {"2023-11-14T22:13:20.123Z"}


def test_later_ids_sort_higher(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = [1_700_000_000_000_000_000 + step * 250 for step in range(8000)]
    ids = []
    for moment in moments:
        monkeypatch.setattr(time, "time_ns", lambda moment=moment: moment)
        ids.append(Message.from_new(NewMessage(content="x", author="y")).id)
    assert ids == sorted(ids)
