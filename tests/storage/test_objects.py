"""What is kept comes back as it was, from a folder and from a bucket alike."""

import datetime
import hashlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from sharing.kernel.errors import SharingError
from sharing.storage.objects import (
    ObjectDamagedError,
    ObjectMissingError,
    ObjectStore,
    Put,
    check_key,
    locate,
)
from tests.storage.conftest import Spool

MIB = 1024 * 1024


def keep(store: ObjectStore, put: Put) -> None:
    store.put_file(put.key, put.path, sha256=put.sha256)


def test_adas_slice_comes_back_byte_for_byte_and_leaves_the_spool(
    store: ObjectStore, spool: Spool
) -> None:
    put = spool(3 * MIB + 17)
    keep(store, put)
    assert not put.path.exists()
    assert store.size(put.key) == 3 * MIB + 17
    assert hashlib.sha256(b"".join(store.stream(put.key))).hexdigest() == put.sha256


def test_an_object_that_is_moved_is_whole_and_in_one_place(
    store: ObjectStore, spool: Spool
) -> None:
    put, other = spool(5000), spool(70)
    keep(store, put)
    keep(store, other)
    store.move(put.key, f"swept/{put.key}")
    assert not store.exists(put.key)
    assert {one.key for one in store.listed("swept")} == {f"swept/{put.key}"}
    assert {one.key for one in store.listed()} >= {f"swept/{put.key}", other.key}
    assert put.key not in {one.key for one in store.listed()}
    store.move(f"swept/{put.key}", other.key)  # what was there goes
    assert hashlib.sha256(b"".join(store.stream(other.key))).hexdigest() == put.sha256
    with pytest.raises(ObjectMissingError):
        store.move(put.key, "anywhere")


def test_a_list_says_since_when_each_object_has_been_there(
    store: ObjectStore, spool: Spool
) -> None:
    put = spool(70)
    os.utime(put.path, (0, 0))  # its bytes came long ago
    before = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=5)
    keep(store, put)
    (since,) = (one.since for one in store.listed("general") if one.key == put.key)
    assert since > before


def test_a_slide_that_is_sent_in_parts_comes_back_byte_for_byte(
    store: ObjectStore, spool: Spool
) -> None:
    put = spool(21 * MIB + 3)
    keep(store, put)
    assert hashlib.sha256(b"".join(store.stream(put.key))).hexdigest() == put.sha256


def test_a_frame_is_read_without_the_rest_of_its_object(store: ObjectStore, spool: Spool) -> None:
    put = spool(content=bytes(range(200)))
    keep(store, put)
    assert store.read(put.key, 50, 4) == bytes([50, 51, 52, 53])
    assert store.read(put.key, 198, 10) == bytes([198, 199])
    assert store.read(put.key, 200, 10) == b""
    assert store.read(put.key, 500, 10) == b""
    assert store.read(put.key, 10, 0) == b""


@pytest.mark.parametrize(("start", "end"), [(0, None), (3, None), (0, 7), (5, 95), (90, 1000)])
def test_a_range_is_streamed_in_pieces_of_the_asked_size(
    store: ObjectStore, spool: Spool, start: int, end: int | None
) -> None:
    data = bytes(range(100))
    put = spool(content=data)
    keep(store, put)
    pieces = list(store.stream(put.key, start, end, chunk=8))
    assert b"".join(pieces) == data[start:end]
    assert max(map(len, pieces)) <= 8


def test_an_empty_file_is_kept_too(store: ObjectStore, spool: Spool) -> None:
    put = spool(content=b"")
    keep(store, put)
    assert store.size(put.key) == 0
    assert list(store.stream(put.key)) == []


def test_ben_hears_of_a_missing_image_before_the_first_byte(store: ObjectStore) -> None:
    with pytest.raises(ObjectMissingError):
        store.stream("general/nowhere")
    with pytest.raises(ObjectMissingError):
        store.read("general/nowhere", 0, 10)
    with pytest.raises(ObjectMissingError) as missing:
        store.size("general/nowhere")
    assert missing.value.key == "general/nowhere"
    assert "nowhere" not in missing.value.detail
    assert not store.exists("general/nowhere")


def test_a_deleted_image_is_gone_and_deleting_it_again_changes_nothing(
    store: ObjectStore, spool: Spool
) -> None:
    put = spool()
    keep(store, put)
    assert store.exists(put.key)
    store.delete(put.key)
    assert not store.exists(put.key)
    store.delete(put.key)


def test_sending_the_same_file_twice_keeps_one_whole_object(
    store: ObjectStore, spool: Spool
) -> None:
    keep(store, spool(content=b"slice"))
    put = spool(content=b"slice")
    keep(store, put)
    assert store.read(put.key, 0, 100) == b"slice"
    assert not put.path.exists()


def test_a_whole_series_is_kept_several_files_at_a_time(store: ObjectStore, spool: Spool) -> None:
    puts = [spool(4000) for _ in range(40)]
    store.put_files(puts)
    for put in puts:
        assert hashlib.sha256(store.read(put.key, 0, 5000)).hexdigest() == put.sha256
        assert not put.path.exists()


def test_a_file_of_a_series_that_left_the_spool_is_told_and_is_not_an_object(
    store: ObjectStore, spool: Spool
) -> None:
    good, lost = spool(10), spool(11)
    lost.path.unlink()
    with pytest.raises(SharingError):
        store.put_files([good, lost])
    assert not store.exists(lost.key)


def test_readers_beside_a_second_put_see_one_whole_object_or_the_other(
    store: ObjectStore, spool: Spool
) -> None:
    one, other = b"a" * 100_000, b"b" * 100_000
    keep(store, spool(content=one, key="general/same"))
    over = threading.Event()

    def look() -> set[bytes]:
        seen = set()
        while not over.is_set():
            seen.add(store.read("general/same", 0, 100_000))
        return seen

    with ThreadPoolExecutor(3) as pool:
        readers = [pool.submit(look) for _ in range(3)]
        for turn in range(10):
            keep(store, spool(content=(one, other)[turn % 2], key="general/same"))
        over.set()
        assert set().union(*(reader.result() for reader in readers)) <= {one, other}


def test_small_things_that_were_made_here_are_kept_as_well(store: ObjectStore) -> None:
    store.put_bytes("general/thumbnail-1", b"JPEG")
    assert store.read("general/thumbnail-1", 0, 10) == b"JPEG"


def test_a_store_that_works_passes_its_check_and_keeps_nothing_of_it(store: ObjectStore) -> None:
    store.check()
    folder = store.local_path("probe/x")
    if folder is not None:
        assert not list(folder.parents[2].rglob("*probe*"))


@pytest.mark.parametrize(
    "key",
    [
        *("", "/etc/passwd", "../secret", "a/../b", "a//b", "a/", ".hidden", "a/.incoming/b"),
        *("a\\b", "a\0b", "a b", "ä", "a/_ab/c", "-rf", "a\n", "a" * 513),
    ],
)
def test_no_key_leaves_the_store(store: ObjectStore, spool: Spool, key: str) -> None:
    put = spool()
    for attempt in (
        lambda: store.put_file(key, put.path, sha256=put.sha256),
        lambda: store.read(key, 0, 1),
        lambda: store.stream(key),
        lambda: store.delete(key),
        lambda: store.size(key),
        lambda: store.local_path(key),
        lambda: store.put_bytes(key, b""),
    ):
        with pytest.raises(ValueError, match="key is letters"):
            attempt()
    assert put.path.exists()


def test_the_keys_that_the_house_makes_are_allowed() -> None:
    assert check_key("instances/0198c7a2-8d6e-7c3f-9a55-0d2b6f3e1a77/" + "a" * 64)


@pytest.mark.parametrize(
    "url",
    [
        *("", "objects", "file://objects", "file:///", "s3://", "http://x", "s3://b?speed=9"),
        *("s3://b?endpoint=ftp://x", "s3://b?style=odd", "s3://b?checksum=md5"),
    ],
)
def test_a_wrong_storage_url_is_answered_with_a_sentence(url: str) -> None:
    with pytest.raises(ValueError, match=r"STORAGE_URL.*\.$"):
        locate(url)


def test_a_bucket_is_read_from_its_url() -> None:
    place = locate("s3://images/general?endpoint=http://127.0.0.1:1&region=eu-west-3&style=virtual")
    assert (place.bucket, place.prefix, place.region) == ("images", "general", "eu-west-3")
    assert (place.endpoint, place.style, place.folder) == ("http://127.0.0.1:1", "virtual", None)


def test_damage_between_receiving_and_keeping_is_an_error_of_its_own() -> None:
    assert issubclass(ObjectDamagedError, SharingError)
    assert "send it again" in ObjectDamagedError("general/x").detail
