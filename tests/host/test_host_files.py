"""Real files, read with care: what is no file, what is too long, and who may read what."""

from __future__ import annotations

import errno
import os
import pwd
from collections.abc import Iterator
from pathlib import Path

import pytest

from natprobe.host import files

NOBODY = pwd.getpwnam("nobody")
ROOT = os.geteuid() == 0


def test_so_many_bytes_and_one_to_tell_that_there_are_more(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x" * 3_000_000)
    assert files.read(str(path), 10) == b"x" * 11
    assert len(files.read(str(path), 3_000_000)) == 3_000_000


@pytest.mark.parametrize("kind", ["folder", "fifo", "device", "ring", "nothing"])
def test_what_is_no_file_is_an_error_at_once(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "x"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "ring":
        path.symlink_to(path)
    with pytest.raises(OSError) as caught:  # noqa: PT011  # which one is asked below
        files.read(str(path), 10)
    wanted = {"folder": errno.EISDIR, "fifo": errno.EINVAL, "device": errno.EINVAL, "ring": errno.ELOOP}
    assert caught.value.errno == wanted.get(kind, errno.ENOENT)


def test_names_are_sorted_and_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("b", "a", "c"):
        (tmp_path / name).touch()
    assert files.listing(str(tmp_path)) == ["a", "b", "c"]
    monkeypatch.setattr(files, "_NAMES_MAX", 2)
    assert len(files.listing(str(tmp_path))) == 2


def test_what_a_file_is(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("four")
    path.chmod(0o640)
    found = files.state(str(path))
    assert (found.uid, found.mode, found.size) == (os.getuid(), 0o640, 4)


def test_links_lead_to_one_place(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    (tmp_path / "b").symlink_to("a")
    assert files.real(str(tmp_path / "b")) == files.real(str(tmp_path / "a"))


@pytest.fixture
def key(tmp_path: Path) -> Iterator[Path]:
    """Below folders that everybody may pass."""
    for each in (tmp_path, *tmp_path.parents):
        if each.stat().st_uid == os.getuid() and each != Path("/"):
            each.chmod(each.stat().st_mode | 0o011)
    path = tmp_path / "privkey.pem"
    path.write_text("x")
    yield path
    tmp_path.chmod(0o700)


@pytest.mark.parametrize(("mode", "may"), [(0o644, True), (0o640, False), (0o600, False), (0o604, True)])
def test_who_may_read_by_the_modes(mode: int, may: bool, key: Path) -> None:
    key.chmod(mode)
    assert files.reads_as(str(key), "nobody") is may
    assert files.reads_as(str(key), "root") is True


@pytest.mark.skipif(not ROOT, reason="only root gives files away")
@pytest.mark.parametrize(
    ("owner", "group", "mode", "may"),
    [(NOBODY.pw_uid, 0, 0o400, True), (0, NOBODY.pw_gid, 0o640, True), (NOBODY.pw_uid, 0, 0o044, False)],
)
def test_the_first_class_that_fits_decides(owner: int, group: int, mode: int, may: bool, key: Path) -> None:
    os.chown(key, owner, group)
    key.chmod(mode)
    assert files.reads_as(str(key), "nobody") is may


def test_a_folder_above_shuts_it(key: Path) -> None:
    key.chmod(0o644)
    key.parent.chmod(0o700)
    assert files.reads_as(str(key), "nobody") is False


@pytest.mark.parametrize(("path", "user"), [("/nowhere/at/all", "nobody"), ("/etc/passwd", "no-such-user")])
def test_what_cannot_be_told(path: str, user: str) -> None:
    assert files.reads_as(path, user) is None


def test_a_link_that_we_may_not_follow_is_a_path_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """What /proc says of other users' processes, to those who are not root."""

    def forbidden(path: str) -> str:
        raise PermissionError(errno.EACCES, "", path)

    monkeypatch.setattr(os, "readlink", forbidden)
    assert files.real("/proc/self/../self/exe") == "/proc/self/exe"
