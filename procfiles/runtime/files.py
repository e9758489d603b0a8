"""Log files that several processes write: one at a time, and each into the file that has the name now."""

from __future__ import annotations

import fcntl
import logging
import os
import stat
import threading

from .base import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class FileLock:
    """A lock between threads and processes, beside the log file; it remembers when a timed roll-over comes next."""

    def __init__(self, path: str) -> None:
        self.pid = os.getpid()
        self.threads = threading.RLock()
        self.depth = 0
        self.fd = -1
        folder, name = os.path.split(path)
        try:
            self.fd = os.open(os.path.join(folder, ".%s.lock" % name), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660)
        except OSError as error:
            say("the lock of %s cannot be made (%s): several processes may lose lines" % (name, error.strerror))

    def __enter__(self) -> None:
        self.threads.acquire()
        self.depth += 1  # a record may be logged while another one is formatted
        if self.depth == 1 and self.fd >= 0:
            try:
                fcntl.flock(self.fd, fcntl.LOCK_EX)
            except OSError as error:  # a network file system without locks
                os.close(self.fd)
                self.fd = -1
                say("log files cannot be locked here (%s): several processes may lose lines" % error.strerror)

    def __exit__(self, *exception: Any) -> None:
        self.depth -= 1
        if self.depth == 0 and self.fd >= 0:
            fcntl.flock(self.fd, fcntl.LOCK_UN)
        self.threads.release()

    def next_roll(self) -> int:
        text = os.pread(self.fd, 20, 0) if self.fd >= 0 else b""
        return int(text) if text.strip().isdigit() else 0

    def remember(self, when: int) -> None:
        if self.fd >= 0:
            os.pwrite(self.fd, b"%20d" % when, 0)


file_locks: dict[str, FileLock] = {}  # by path: all handlers on one file take turns by one lock


def lock_of(path: str) -> FileLock:
    """The lock of a file, made anew after a fork: on one open file parent and child would not exclude each other."""
    lock = file_locks.get(path)
    if lock is None or lock.pid != os.getpid():
        lock = file_locks[path] = FileLock(path)
    return lock


def write_in_turn(handler: Any, record: logging.LogRecord) -> None:
    """Let a file handler write one record, and roll over when it must, while no other process does."""
    if is_device(handler.baseFilename):
        handler.emit(record)
        return
    lock = lock_of(handler.baseFilename)
    with lock:
        handler.acquire()  # always after the file's lock, so that two handlers on one file cannot wait crosswise
        try:
            follow(handler)
            emit_and_remember(handler, record, lock)
        finally:
            handler.release()


def is_device(path: str) -> bool:
    """Whether something that is no file has the name, as /dev/stdout: asked once, for others rename files meanwhile."""
    try:
        return not stat.S_ISREG(os.stat(path).st_mode)
    except OSError:  # not there at this moment
        return False


def emit_and_remember(handler: Any, record: logging.LogRecord, lock: FileLock) -> None:
    if not hasattr(handler, "rolloverAt"):
        handler.emit(record)
        return
    before = handler.rolloverAt = max(handler.rolloverAt, lock.next_roll())  # another process may have rolled it over
    handler.emit(record)
    if handler.rolloverAt != before:
        lock.remember(handler.rolloverAt)


def follow(handler: Any) -> None:
    """Close a stream whose file was renamed by another process; the handler opens the new one."""
    if handler.stream is None:
        return
    try:
        mine, named = os.fstat(handler.stream.fileno()), os.stat(handler.baseFilename)
        same = (mine.st_dev, mine.st_ino) == (named.st_dev, named.st_ino)
    except (OSError, ValueError):
        same = False
    if not same:
        handler.stream.close()
        handler.stream = None
