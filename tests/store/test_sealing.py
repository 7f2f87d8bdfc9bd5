from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.sealing import KEY_BYTES, DataKey, Keyring, Unreadable
from tests.conftest import KEYRING

OWNER, ROW = "a" * 32, "b" * 32
WORDS = "Hakuna maji tangu Jumatatu, karibu na soko."
CITIZEN = KEYRING.new_data_key(OWNER)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.fixture
def key() -> DataKey:
    return CITIZEN[0]


@given(text=TEXTS)
def test_what_is_sealed_opens_again(text: str) -> None:
    key, _ = CITIZEN
    assert key.open("message.body", ROW, key.seal("message.body", ROW, text)) == text


@given(text=TEXTS)
def test_a_sealed_text_is_29_bytes_longer_than_its_utf_8(text: str) -> None:
    assert len(CITIZEN[0].seal("message.body", ROW, text)) == len(text.encode()) + 29


def test_a_sealed_text_does_not_show_its_words_and_never_looks_the_same_twice(key: DataKey) -> None:
    first, second = (key.seal("message.body", ROW, WORDS) for _ in range(2))
    assert first != second
    assert WORDS.encode() not in first


@pytest.mark.parametrize(
    ("column", "row"), [("message.body", "c" * 32), ("message.sent", ROW)], ids=["another row", "another column"]
)
def test_a_sealed_text_opens_only_where_it_was_sealed(key: DataKey, column: str, row: str) -> None:
    sealed = key.seal("message.body", ROW, WORDS)
    with pytest.raises(Unreadable):
        key.open(column, row, sealed)


def test_texts_of_two_rows_that_were_swapped_do_not_open(key: DataKey) -> None:
    first, second = key.seal("message.body", "1" * 32, "one"), key.seal("message.body", "2" * 32, "two")
    for row, sealed in (("1" * 32, second), ("2" * 32, first)):
        with pytest.raises(Unreadable):
            key.open("message.body", row, sealed)


def test_one_citizens_key_does_not_open_what_is_anothers(key: DataKey) -> None:
    other, _ = KEYRING.new_data_key("c" * 32)
    with pytest.raises(Unreadable):
        other.open("message.body", ROW, key.seal("message.body", ROW, WORDS))


@given(data=st.data())
def test_a_changed_byte_is_noticed_wherever_it_is(data: st.DataObject) -> None:
    key, _ = CITIZEN
    sealed = bytearray(key.seal("message.body", ROW, WORDS))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(Unreadable):
        key.open("message.body", ROW, bytes(sealed))


@given(kept=st.integers(0, 28 + len(WORDS.encode())))
def test_a_truncated_text_is_noticed_wherever_it_ends(kept: int) -> None:
    key, _ = CITIZEN
    with pytest.raises(Unreadable):
        key.open("message.body", ROW, key.seal("message.body", ROW, WORDS)[:kept])


@given(data=st.data())
def test_a_data_key_with_a_changed_byte_does_not_unwrap(data: st.DataObject) -> None:
    wrapped = bytearray(CITIZEN[1])
    wrapped[data.draw(st.integers(0, len(wrapped) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(Unreadable):
        KEYRING.unwrap(OWNER, bytes(wrapped))


@given(kept=st.integers(0, len(CITIZEN[1]) - 1))
def test_a_truncated_data_key_does_not_unwrap(kept: int) -> None:
    with pytest.raises(Unreadable):
        KEYRING.unwrap(OWNER, CITIZEN[1][:kept])


def test_a_data_key_is_its_owners_alone() -> None:
    with pytest.raises(Unreadable):
        KEYRING.unwrap("c" * 32, CITIZEN[1])


def test_a_missing_master_key_is_named() -> None:
    without = replace(KEYRING, masters={"other": bytes(KEY_BYTES)}, current="other")
    with pytest.raises(Unreadable, match="'test' is not in MLANGO_MASTER_KEYS"):
        without.unwrap(OWNER, CITIZEN[1])


def test_after_rotation_the_new_key_wraps_and_the_old_one_still_unwraps(key: DataKey) -> None:
    rotated = replace(KEYRING, masters={**KEYRING.masters, "2027": b"n" * KEY_BYTES}, current="2027")
    sealed = key.seal("message.body", ROW, WORDS)
    assert rotated.unwrap(OWNER, CITIZEN[1]).open("message.body", ROW, sealed) == WORDS
    _, wrapped = rotated.new_data_key(OWNER)
    with pytest.raises(Unreadable, match="'2027'"):
        KEYRING.unwrap(OWNER, wrapped)


def test_the_index_finds_a_number_and_tells_nothing_without_its_key() -> None:
    here, elsewhere = KEYRING, replace(KEYRING, index_key=b"i" * KEY_BYTES)
    assert here.index("+254712345678") == here.index("+254712345678") != here.index("+254712345679")
    assert here.index("+254712345678") != elsewhere.index("+254712345678")
    assert len(here.index("+254712345678")) == 32


def test_a_keyring_does_not_print_its_keys() -> None:
    ring = Keyring({"k": b"secret-master-key-secret-master!"}, "k", b"secret-index-key")
    assert "secret" not in repr(ring)
