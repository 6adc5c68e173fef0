"""A file is there whole or not at all; a lock is held by one, and free as soon as its holder is gone."""

from __future__ import annotations

import errno
import logging
import math
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from faceml.errors import Conflict, NoSpace, Unavailable
from faceml.files import file_lock, is_full, require_room, whole_file, write_cache, write_whole
from tests.polling import until

HOLD = """
import sys
from pathlib import Path
from faceml.errors import Conflict, Unavailable
from faceml.files import file_lock
with file_lock(Path(sys.argv[1]), "the other process", wait_s=0, busy=Conflict, unusable=Unavailable):
    print("held", flush=True)
    sys.stdin.read()
"""
WRITE_FOR_EVER = """
import sys
from pathlib import Path
from faceml.files import write_whole
letters = "ab"
while True:
    for letter in letters:
        write_whole(Path(sys.argv[1]), letter.encode() * 200_000)
        print("wrote", flush=True)
"""


def lock(
    file: Path, *, wait_s: float = 0.0, on_wait: Callable[[str], None] = lambda _: None
) -> AbstractContextManager[None]:
    return file_lock(file, "us", wait_s=wait_s, busy=Conflict, unusable=Unavailable, on_wait=on_wait)


def holder(file: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


# Writing


def test_a_block_that_fails_leaves_what_was_there_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "names.csv"
    write_whole(file, b"before")

    def fail(draft: Path) -> None:
        draft.write_bytes(b"half of")
        raise RuntimeError

    with pytest.raises(RuntimeError), whole_file(file) as draft:
        fail(draft)
    assert file.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [file]


def test_a_reader_never_meets_half_a_file_even_where_the_writer_is_killed(tmp_path: Path) -> None:
    file = tmp_path / "page"
    writer = subprocess.Popen([sys.executable, "-c", WRITE_FOR_EVER, str(file)], stdout=subprocess.PIPE, text=True)
    try:
        assert writer.stdout is not None
        for _ in range(200):
            assert writer.stdout.readline() == "wrote\n"
            assert file.read_bytes() in (b"a" * 200_000, b"b" * 200_000)
    finally:
        writer.send_signal(signal.SIGKILL)
        writer.wait(120)
    assert file.read_bytes() in (b"a" * 200_000, b"b" * 200_000)


@pytest.mark.parametrize("umask", [0, 0o022, 0o077])
def test_a_file_is_its_owners_alone_unless_it_is_to_be_like_another(tmp_path: Path, umask: int) -> None:
    file, shown = tmp_path / "file", tmp_path / "shown"
    before = os.umask(umask)
    try:
        for content in (b"new", b"again"):
            write_whole(file, content)
            assert (file.read_bytes(), file.stat().st_mode & 0o777) == (content, 0o600)
            file.chmod(0o644)
        shown.write_bytes(b"")
        shown.chmod(0o640)
        write_whole(file, b"like it", like=shown)
        assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"like it", 0o640)
    finally:
        os.umask(before)


def test_a_place_that_cannot_be_written_is_an_error_but_for_a_cache(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "in the way").write_bytes(b"")
    with pytest.raises(OSError, match="Not a directory"):
        write_whole(tmp_path / "in the way" / "file", b"")
    with caplog.at_level(logging.WARNING):
        for number in range(3):
            write_cache(tmp_path / "in the way" / str(number), b"")
    assert [record.levelname for record in caplog.records] == ["WARNING"], "one line, not one a file"
    assert f"{tmp_path / 'in the way'} could not be kept" in caplog.text


def test_a_cache_makes_its_folder_and_takes_bytes_or_a_writer(tmp_path: Path) -> None:
    write_cache(tmp_path / "cache" / "a" / "bytes", b"1")
    write_cache(tmp_path / "cache" / "a" / "writer", lambda draft: draft.write_text("2"))
    assert {file.name: file.read_text() for file in (tmp_path / "cache" / "a").iterdir()} == {
        "bytes": "1",
        "writer": "2",
    }
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / "cache" / "a").iterdir()} == {0o600}


# Locking


def test_who_finds_it_held_is_told_by_whom_and_may_wait(tmp_path: Path) -> None:
    file, told = tmp_path / "folder" / "lock", list[str]()
    other = holder(file)
    with pytest.raises(Conflict, match=r"^the other process$"), lock(file, on_wait=told.append):
        pass
    assert told == [], "there was no wait"
    with pytest.raises(Conflict, match=r"^the other process$"), lock(file, wait_s=0.05, on_wait=told.append):
        pass
    assert told == ["the other process"]
    other.communicate("go")
    with lock(file):
        assert file.read_text() == "us"


def test_waiting_for_ever_ends_when_the_holder_dies(tmp_path: Path) -> None:
    file, waits, held = tmp_path / "lock", threading.Event(), threading.Event()
    other = holder(file)

    def take() -> None:
        with lock(file, wait_s=math.inf, on_wait=lambda _: waits.set()):
            held.set()

    thread = threading.Thread(target=take)
    thread.start()
    until(waits.is_set)
    assert not held.is_set()
    other.send_signal(signal.SIGKILL)
    other.wait(120)
    thread.join(60)
    assert held.is_set()


def test_threads_of_one_process_take_turns(tmp_path: Path) -> None:
    inside, most = 0, 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(20):
            with lock(tmp_path / "lock", wait_s=60):
                inside += 1
                most = max(most, inside)
                os.sched_yield()
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert most == 1


def test_a_holder_that_deletes_its_lock_lets_in_one_and_not_two(tmp_path: Path) -> None:
    file, inside, most, turns = tmp_path / "folder" / "lock", 0, 0, 0

    def work() -> None:
        nonlocal inside, most, turns
        for _ in range(20):
            with lock(file, wait_s=60):
                inside += 1
                most = max(most, inside)
                os.sched_yield()
                inside -= 1
                turns += 1
                file.unlink()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (most, turns) == (1, 80)


def test_a_lock_that_cannot_be_made_says_where(tmp_path: Path) -> None:
    (tmp_path / "in the way").write_bytes(b"")
    told = r"cannot write .*in the way/lock \(.*\): make its folder writable"
    with pytest.raises(Unavailable, match=told), lock(tmp_path / "in the way" / "lock"):
        pass


# A full disk


def test_whoever_says_that_the_disk_is_full_is_understood() -> None:
    full = OSError(errno.ENOSPC, "No space left on device", "/x")
    wrapped = RuntimeError("the write failed")
    wrapped.__cause__ = full
    for error in (full, wrapped, OSError(errno.EDQUOT, "over"), Exception("(sqlite3) database or disk is full")):
        assert is_full(error)
    for error in (OSError(errno.EACCES, "no"), ValueError("full of hope")):
        assert not is_full(error)


def test_room_is_asked_for_also_where_the_folder_is_not_there_yet(tmp_path: Path) -> None:
    require_room(tmp_path / "not" / "yet", 1)
    with pytest.raises(
        NoSpace, match=r"no space left on .*/yet: [\d.]+ MB are free, 1152921504607 MB are needed: free"
    ):
        require_room(tmp_path / "not" / "yet", 1 << 60)


def test_a_writer_that_meets_a_full_disk_says_so_and_leaves_what_was_there(tmp_path: Path) -> None:
    write_whole(tmp_path / "file", b"before")

    def fail(draft: Path) -> None:
        draft.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(NoSpace, match="MB are needed"), whole_file(tmp_path / "file") as draft:
        fail(draft)
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("file", b"before")]
