"""A folder keeps what it acknowledged, whatever happens to the process, the disk or the power."""

import errno
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sharing.storage.objects import ObjectDamagedError, ObjectMissingError, StorageUnavailableError
from sharing.storage.objects.folder import FORGOTTEN, INCOMING, FolderStore
from tests.storage.conftest import Spool

ROOT = Path(__file__).resolve().parents[2]
# Keeps one file, and is killed at the given call: the point where the power goes.
KILLED = """
import os, pathlib, signal, sys
from sharing.storage.objects.folder import FolderStore
root, spooled, sha256, where = sys.argv[1:]
store = FolderStore(pathlib.Path(root))
store.put_bytes("general/warm", b"folders are there")
def die(*args, **kwargs): os.kill(os.getpid(), signal.SIGKILL)
if where == "before the fsync": os.fsync = die
if where == "after the fsync": pathlib.Path.rename = die
if where == "after the rename":
    real = pathlib.Path.rename
    pathlib.Path.rename = lambda self, to: (real(self, to), die())
if where == "in the middle of a copy":
    class Half(pathlib.Path().__class__): pass
    import sharing.storage.objects.folder as folder
    folder.CHUNK = 1000
    real_update = folder.hashlib.sha256
    class Dying:
        def __init__(self): self.left = 3
        def update(self, piece):
            self.left -= 1
            self.left or die()
    folder.hashlib.sha256 = Dying
store.put_file("general/" + sha256, pathlib.Path(spooled), sha256=sha256)
"""


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "objects")


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """A folder on another device than the store's."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        if Path(folder).stat().st_dev == tmp_path.stat().st_dev:
            pytest.fail("the tests need /dev/shm on a device of its own")
        yield Path(folder)


def opened(descriptor: int) -> str:
    """What an open descriptor of this process stands for."""
    return str(Path(f"/proc/self/fd/{descriptor}").readlink())


def watch_fsync(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Everything that is synced from now on, as it is synced."""
    synced: list[str] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(opened(descriptor))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    return synced


def names(root: Path) -> list[str]:
    return sorted(path.name for path in root.rglob("*") if path.is_file())


def test_the_bytes_are_on_the_disk_before_the_name_and_the_name_before_the_answer(
    store: FolderStore, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    put, done = spool(), []
    store.put_file("general/" + put.sha256[:2] + "warm", spool(5).path, sha256="")
    target = store.local_path(put.key)
    real_fsync, real_rename = os.fsync, Path.rename

    def fsync(descriptor: int) -> None:
        done.append(("fsync", opened(descriptor)))
        real_fsync(descriptor)

    def rename(self: Path, to: Path) -> Path:
        done.append(("rename", str(to)))
        return real_rename(self, to)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "rename", rename)
    store.put_file(put.key, put.path, sha256=put.sha256)
    assert done == [
        ("fsync", str(put.path)),
        ("rename", str(target)),
        ("fsync", str(target.parent)),
    ]


def test_a_new_folder_survives_the_power_cut_as_well(
    store: FolderStore, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    put, synced = spool(), watch_fsync(monkeypatch)
    store.put_file(put.key, put.path, sha256=put.sha256)
    folder = store.local_path(put.key).parent
    assert {str(folder), str(folder.parent), str(store.root)} <= set(synced)


def test_of_many_files_each_is_synced_but_their_folder_once(
    store: FolderStore, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put_bytes("general/aa-warm", b"")
    puts = [spool(100, key=f"general/aa{number}") for number in range(20)]
    synced = watch_fsync(monkeypatch)
    store.put_files(puts)
    assert sorted(synced) == sorted(
        [*(str(put.path) for put in puts), str(store.local_path("general/aa1").parent)]
    )


@pytest.mark.parametrize(
    ("where", "kept", "spooled"),
    [
        ("before the fsync", False, True),
        ("after the fsync", False, True),
        ("after the rename", True, False),
    ],
)
def test_a_process_killed_while_it_keeps_a_file_leaves_all_of_it_or_nothing(
    tmp_path: Path, spool: Spool, where: str, kept: bool, spooled: bool
) -> None:
    put = spool(100_000)
    assert killed(tmp_path / "objects", put.path, put.sha256, where) == -signal.SIGKILL
    store = FolderStore(tmp_path / "objects")
    assert store.exists(put.key) is kept
    assert put.path.exists() is spooled
    if kept:
        assert store.size(put.key) == 100_000


def test_a_process_killed_in_the_middle_of_a_copy_leaves_nothing_that_can_be_read(
    tmp_path: Path, elsewhere: Path, spool: Spool
) -> None:
    put = spool(100_000)
    path = elsewhere / "spooled"
    path.write_bytes(put.path.read_bytes())
    where = "in the middle of a copy"
    assert killed(tmp_path / "objects", path, put.sha256, where) == -signal.SIGKILL
    store = FolderStore(tmp_path / "objects")
    assert path.exists()
    assert not store.exists(put.key)
    halves = list((store.root / INCOMING).iterdir())
    assert len(halves) == 1
    os.utime(halves[0], (0, time.time() - FORGOTTEN - 60))
    FolderStore(tmp_path / "objects")
    assert not halves[0].exists()


def killed(root: Path, path: Path, sha256: str, where: str) -> int:
    return subprocess.run(
        [sys.executable, "-c", KILLED, str(root), str(path), sha256, where],
        cwd=ROOT,
        timeout=60,
        check=False,
    ).returncode


def test_a_spool_on_another_disk_is_copied_checked_and_emptied(
    store: FolderStore, elsewhere: Path, spool: Spool
) -> None:
    put = spool(3_000_000)
    path = elsewhere / "spooled"
    path.write_bytes(put.path.read_bytes())
    store.put_file(put.key, path, sha256=put.sha256)
    assert store.size(put.key) == 3_000_000
    assert not path.exists()
    assert names(store.root) == [put.sha256]


def test_a_file_that_changed_on_another_disk_is_not_kept(
    store: FolderStore, elsewhere: Path, spool: Spool
) -> None:
    put = spool(1000)
    path = elsewhere / "spooled"
    path.write_bytes(b"x" * 1000)
    with pytest.raises(ObjectDamagedError):
        store.put_file(put.key, path, sha256=put.sha256)
    assert path.exists()
    assert names(store.root) == []


def test_two_mounts_of_one_disk_are_copied_between(
    store: FolderStore, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    put, real = spool(1000), Path.rename

    def rename(self: Path, to: Path) -> Path:
        if self == put.path:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        return real(self, to)

    monkeypatch.setattr(Path, "rename", rename)
    store.put_file(put.key, put.path, sha256=put.sha256)
    assert store.size(put.key) == 1000
    assert not put.path.exists()


FULL = """
import hashlib, pathlib, resource, signal, sys
from sharing.storage.objects import StorageUnavailableError
from sharing.storage.objects.folder import FolderStore
root, spooled = map(pathlib.Path, sys.argv[1:])
store = FolderStore(root)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
try:
    store.put_file("general/big", spooled, sha256=hashlib.sha256(spooled.read_bytes()).hexdigest())
except StorageUnavailableError as error:
    print(error.status)
"""


def test_a_disk_without_room_loses_nothing_and_leaves_nothing_behind(
    tmp_path: Path, elsewhere: Path
) -> None:
    path = elsewhere / "spooled"
    path.write_bytes(b"x" * 100_000)
    run = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "objects"), str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert run.stdout == "503\n"
    assert path.stat().st_size == 100_000
    assert names(tmp_path / "objects") == []


def test_a_full_store_says_who_can_help(
    store: FolderStore, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    put = spool()
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageUnavailableError, match="administrator has to make room"):
        store.put_file(put.key, put.path, sha256=put.sha256)
    assert put.path.exists()


def test_a_store_whose_folder_went_away_fails_its_check(store: FolderStore) -> None:
    (store.root / INCOMING).rmdir()
    store.root.rmdir()
    with pytest.raises(StorageUnavailableError, match="try again in a minute"):
        store.check()


def test_a_million_files_share_256_folders_each(store: FolderStore) -> None:
    path = store.local_path("general/0123abcd")
    assert path == store.root / "general" / "_01" / "0123abcd"


def test_a_web_server_can_send_the_file_by_itself(store: FolderStore, spool: Spool) -> None:
    put = spool(content=b"slice")
    store.put_file(put.key, put.path, sha256=put.sha256)
    assert store.local_path(put.key).read_bytes() == b"slice"


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_uses_the_store_of_its_parent(store: FolderStore, spool: Spool) -> None:
    store.put_files([spool(10), spool(11)])
    puts = [spool(12), spool(13)]
    child = os.fork()
    if not child:
        signal.alarm(20)
        try:
            store.put_files(puts)
        finally:
            os._exit(0 if all(store.exists(put.key) for put in puts) else 1)
    assert os.waitpid(child, 0)[1] == 0


def peak_while(work: Callable[[], object]) -> int:
    """How many MiB the process grew by at most while `work` ran."""
    Path("/proc/self/clear_refs").write_text("5")
    before = resident("VmRSS")
    work()
    return resident("VmHWM") - before


def resident(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith(name))


def test_memory_stays_flat_while_a_large_slide_comes_and_goes(
    store: FolderStore, elsewhere: Path, spool: Spool
) -> None:
    put = spool(200 * 1024 * 1024)
    path = elsewhere / "spooled"
    put.path.replace(put.path.with_suffix(".big"))
    big = put.path.with_suffix(".big")
    with big.open("rb") as source, path.open("wb") as target:
        while piece := source.read(1024 * 1024):
            target.write(piece)
    assert peak_while(lambda: store.put_file(put.key, path, sha256=put.sha256)) < 20
    assert peak_while(lambda: [None for _ in store.stream(put.key)]) < 20


def test_an_object_that_went_between_two_reads_is_missing_not_unavailable(
    store: FolderStore, spool: Spool
) -> None:
    put = spool()
    store.put_file(put.key, put.path, sha256=put.sha256)
    store.local_path(put.key).unlink()
    with pytest.raises(ObjectMissingError):
        store.read(put.key, 0, 1)
