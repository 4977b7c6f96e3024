"""What a guarded child may still do: read the code, compute, and answer.

Limits hold everywhere. On Linux two more walls stand around a child that is taken over: Landlock
leaves it the files of the code alone, and a seccomp filter refuses what a decoder never needs,
such as a connection, a program, or another process. What a kernel does not have is left out, and
`missing` says so.
"""

import contextlib
import ctypes
import errno
import os
import platform
import resource
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

LIMITS = {"RLIMIT_FSIZE": 0, "RLIMIT_CORE": 0, "RLIMIT_NPROC": 0, "RLIMIT_NOFILE": 64}
PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 4, 22, 38
SECCOMP_MODE_FILTER = 2

_MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # as the kernel's audit calls them
# Refused with EPERM, by their numbers on x86_64 and aarch64 (0: not there).
_REFUSED = {
    # connections; the one to our caller stands
    "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "bind": (49, 200),
    # programs, processes and threads
    "execve": (59, 221), "execveat": (322, 281), "fork": (57, 0), "vfork": (58, 0),
    "clone": (56, 220), "clone3": (435, 435), "unshare": (272, 97), "setns": (308, 268),
    # others of the same user, and our own limits
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "kill": (62, 129), "tkill": (200, 130), "tgkill": (234, 131), "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424), "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240), "setrlimit": (160, 164), "prlimit64": (302, 261),
    # doors deep into the kernel
    "bpf": (321, 280), "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218),
    "io_uring_setup": (425, 425), "userfaultfd": (323, 282), "perf_event_open": (298, 241),
    "mount": (165, 40), "umount2": (166, 39), "memfd_create": (319, 279),
    # files: what changes one, and ways around `open`
    "open_by_handle_at": (304, 265), "openat2": (437, 437), "creat": (85, 0),
    "truncate": (76, 45), "ftruncate": (77, 46), "unlink": (87, 0), "unlinkat": (263, 35),
    "rename": (82, 0), "renameat": (264, 38), "renameat2": (316, 276), "link": (86, 0),
    "linkat": (265, 37), "symlink": (88, 0), "symlinkat": (266, 36), "mkdir": (83, 0),
    "mkdirat": (258, 34), "rmdir": (84, 0), "mknod": (133, 0), "mknodat": (259, 33),
    "chmod": (90, 0), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452),
    "chown": (92, 0), "fchown": (93, 55), "lchown": (94, 0), "fchownat": (260, 54),
}  # fmt: skip
# Refused where they would write: the numbers, and which argument holds the flags.
_OPENING = {"open": (2, 0, 1), "openat": (257, 56, 2)}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

_LOAD, _EQUALS, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_KILL, _ALLOW, _EPERM = 0x80000000, 0x7FFF0000, 0x00050000 | errno.EPERM
_NUMBER, _MACHINE, _ARGUMENTS = 0, 4, 16  # where they are in what the filter sees
_X32 = 0x40000000  # x86_64 knows every call by a second number from here on

_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
_ALL_OF_FILES = (1 << 13) - 1  # what the first version of Landlock knows
_READ = 1 << 2 | 1 << 3  # files and folders
# Not the folder that holds us: a database may lie in it.
_OURS = str(Path(__file__).resolve().parents[1])
_CODE = (_OURS, sys.prefix, sys.base_prefix, "/usr/lib", "/usr/local/lib", "/lib", "/lib64")


def limit(seconds: float, memory: int) -> None:
    """Take what a child may use; before the request is read."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    whole = int(seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (whole, whole + 1))
    for name, most in LIMITS.items():
        resource.setrlimit(getattr(resource, name), (most, most))


def confine() -> list[str]:
    """Take what a child may reach; after the request was read, before it is worked on.

    Returns
    -------
    list of str
        What this kernel does not do.
    """
    if sys.platform != "linux":
        return ["prctl", "landlock", "seccomp"]
    walls = {"prctl": _drop_rights, "landlock": _leave_the_code, "seccomp": _filter_calls}
    return [name for name, build in walls.items() if not _stands(build)]


def missing() -> list[str]:
    """What `confine` cannot do here, found out by a child of its own."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        with contextlib.suppress(BaseException):
            os.write(writing, ",".join(confine()).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        found = pipe.read().decode()
    os.waitpid(pid, 0)
    return found.split(",") if found else []


def _stands(build: Callable[[], None]) -> bool:
    try:
        build()
    except (OSError, ValueError):
        return False
    return True


def _drop_rights() -> None:
    """No program gives more rights than we have, and nobody else reads or traces this memory."""
    _call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _call("prctl", PR_SET_DUMPABLE, 0, 0, 0, 0)


def _leave_the_code() -> None:
    """Reading below `_CODE`, and nothing else that has to do with files."""
    rights = struct.pack("=Q", _ALL_OF_FILES)
    rules = _call("syscall", _LANDLOCK_CREATE, rights, len(rights), 0)
    for path in filter(os.path.isdir, _CODE):
        folder = os.open(path, os.O_PATH | os.O_DIRECTORY)
        _call("syscall", _LANDLOCK_ADD, rules, 1, struct.pack("=Qi", _READ, folder), 0)
        os.close(folder)
    _call("syscall", _LANDLOCK_RESTRICT, rules, 0)
    os.close(rules)


def _filter_calls() -> None:
    steps = b"".join(_steps(platform.machine()))
    program = ctypes.create_string_buffer(steps, len(steps))
    head = struct.pack("@HP", len(steps) // 8, ctypes.addressof(program))
    _call("prctl", PR_SET_SECCOMP, SECCOMP_MODE_FILTER, head, 0, 0)


def _steps(machine: str) -> Iterator[bytes]:
    """The filter, step by step; `yes` and `no` say how many steps to leap after a question."""
    which = list(_MACHINES).index(machine)
    yield _step(_LOAD, _MACHINE)
    yield _step(_EQUALS, _MACHINES[machine], yes=1)
    yield _step(_RETURN, _KILL)
    yield _step(_LOAD, _NUMBER)
    yield _step(_AT_LEAST, _X32, no=1)
    yield _step(_RETURN, _EPERM)
    for numbers in _REFUSED.values():
        if numbers[which]:
            yield _step(_EQUALS, numbers[which], no=1)
            yield _step(_RETURN, _EPERM)
    for opening in _OPENING.values():
        if opening[which]:
            yield _step(_EQUALS, opening[which], no=4)
            yield _step(_LOAD, _ARGUMENTS + 8 * opening[2])
            yield _step(_ANY_BIT, _WRITING, no=1)
            yield _step(_RETURN, _EPERM)
            yield _step(_RETURN, _ALLOW)
    yield _step(_RETURN, _ALLOW)


def _step(code: int, value: int, *, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("=HBBI", code, yes, no, value)


def _call(name: str, *args: int | bytes) -> int:
    """One call of the C library, each number as wide as a register."""
    words = [ctypes.c_long(arg) if isinstance(arg, int) else arg for arg in args]
    result = int(getattr(ctypes.CDLL(None, use_errno=True), name)(*words))
    if result < 0:
        raise OSError(ctypes.get_errno(), f"{name} is not to be had")
    return result
