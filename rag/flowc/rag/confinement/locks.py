"""Takes rights away from this process for good: network, files, system calls, memory, time.

Each lock works on its own, since kernels and containers differ in what they permit:

    level: Locks = {}
    lock_calls = make_filter(level)      # first, since it imports a library
    lock_network(level)                  # a network namespace without any interface
    lock_files(level)                    # Landlock: no file can be opened any more
    if os.fork() == 0:
        limit_resources(seconds, memory)
        lock_calls()                     # last, since it forbids what the other locks call

Open descriptors stay usable, which is how a child gets its input.
"""

import ctypes
import os
import resource
import struct
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

# The locks by name (`network`, `files`, `calls`), and whether each is closed.
Locks = dict[str, Any]

_LANDLOCK_CREATE_RULESET = 444
_LANDLOCK_RESTRICT_SELF = 446
_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
# Size of one instruction of a filter, in bytes (`struct sock_filter`).
_INSTRUCTION = 8

_ALLOWED_CALLS = (
    "read", "write", "close", "exit", "exit_group", "rt_sigreturn", "rt_sigaction",
    "rt_sigprocmask", "sigaltstack", "brk", "mmap", "munmap", "mremap", "mprotect", "madvise",
    "futex", "clock_gettime", "clock_nanosleep", "gettimeofday", "getrusage", "getpid", "gettid",
    "sched_yield", "lseek", "fstat", "newfstatat", "getrandom", "restart_syscall", "rseq",
    "set_robust_list", "prlimit64", "sched_getaffinity",
)  # fmt: skip
# Other calls fail with an error; these end the process, since only an attack makes them.
_FATAL_CALLS = (
    "execve", "execveat", "ptrace", "process_vm_readv", "process_vm_writev", "bpf",
    "userfaultfd", "io_uring_setup",
)  # fmt: skip


def lock_network(level: Locks) -> None:
    """Move this process into a network namespace of its own, which is empty."""
    level["network"] = False
    if sys.platform != "linux":
        return
    # The user namespace is what permits a process without privileges to create the others.
    flags = 0x10000000 | 0x40000000 | 0x08000000  # user, network and IPC namespaces
    libc = ctypes.CDLL(None, use_errno=True)
    level["network"] = libc.unshare(flags) == 0


def lock_files(level: Locks) -> None:
    """Give up all rights to open files and sockets (Landlock)."""
    level["files"] = False
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    abi = libc.syscall(_LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(1))
    if abi <= 0:
        return
    # A ruleset denies what it names and allows nothing. A kernel refuses rights and fields that
    # are newer than its version of Landlock.
    rights = (1 << 13) - 1
    for since, bit in ((2, 13), (3, 14), (5, 15)):
        rights |= 1 << bit if abi >= since else 0
    ruleset = struct.pack("QQQ", rights, 3 if abi >= 4 else 0, 3 if abi >= 6 else 0)
    size = 24 if abi >= 6 else 16 if abi >= 4 else 8
    descriptor = libc.syscall(
        _LANDLOCK_CREATE_RULESET,
        ctypes.c_char_p(ruleset),
        ctypes.c_size_t(size),
        ctypes.c_uint32(0),
    )
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    locked = libc.syscall(_LANDLOCK_RESTRICT_SELF, descriptor, ctypes.c_uint32(0)) == 0
    os.close(descriptor)
    level["files"] = locked


def make_filter(level: Locks) -> Callable[[], None]:
    """Return a function after which only harmless system calls are allowed (seccomp)."""
    level["calls"] = False
    try:
        import pyseccomp  # noqa: PLC0415 - it needs libseccomp, which may be missing
    except (ImportError, RuntimeError):
        return lambda: None
    rules = pyseccomp.SyscallFilter(pyseccomp.ERRNO(1))
    for name in _ALLOWED_CALLS:
        _add(rules, pyseccomp.ALLOW, name)
    for name in _FATAL_CALLS:
        _add(rules, getattr(pyseccomp, "KILL_PROCESS", pyseccomp.KILL), name)
    level["calls"] = True
    return partial(_load, _Program(_compiled(rules)))


class _Program(ctypes.Structure):
    """A filter in the form that the kernel takes (`struct sock_fprog`)."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))

    def __init__(self, raw: bytes) -> None:
        super().__init__(len(raw) // _INSTRUCTION, raw)


def _compiled(rules: Any) -> bytes:
    """Return the filter's instructions, so that not every child compiles them."""
    # In memory, since there may be no writable folder.
    with os.fdopen(os.memfd_create("filter"), "w+b") as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()


def _load(program: _Program) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0):
        raise OSError(ctypes.get_errno(), "The system calls cannot be limited.")


def _add(rules: Any, action: Any, name: str) -> None:
    try:
        rules.add_rule(action, name)
    except (OSError, RuntimeError, ValueError):
        return  # not a system call of this architecture


def limit_resources(seconds: float, memory: int) -> None:
    """Limit CPU time in seconds and memory in bytes; forbid new files, processes and core dumps."""
    whole = max(1, round(seconds + 0.5))
    # The soft limit sends a signal that code could handle; the hard limit kills.
    resource.setrlimit(resource.RLIMIT_CPU, (whole, whole + 1))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_STACK, (8 << 20, 8 << 20))
    for kind in (resource.RLIMIT_FSIZE, resource.RLIMIT_CORE, resource.RLIMIT_NPROC):
        resource.setrlimit(kind, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (8, 8))


def probe() -> dict[str, bool]:
    """Attempt what must be impossible; return whether each attempt succeeded."""
    import socket  # noqa: PLC0415 - the worker imports it before the locks close

    attempts: dict[str, Callable[[], Any]] = {
        "read": lambda: os.open("/etc/hostname", os.O_RDONLY),
        "list": lambda: os.listdir("/"),
        "connect": lambda: socket.create_connection(("127.0.0.1", 9), 0.2),
        "fork": lambda: os._exit(0) if os.fork() == 0 else None,
        "signal": lambda: os.kill(os.getppid(), 0),
    }
    return {name: _works(attempt) for name, attempt in attempts.items()}


def _works(attempt: Callable[[], Any]) -> bool:
    try:
        attempt()
    except ConnectionRefusedError:
        return True  # the network was reached, though no one listens on the port
    except OSError:
        return False
    return True
