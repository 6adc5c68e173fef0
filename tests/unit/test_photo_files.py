"""Which files of a folder are photos, and what is said of the others."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from itertools import product
from pathlib import Path

import pytest
from PIL import Image
from pillow_heif import register_heif_opener

from faceml import photo_files
from faceml.errors import FileNotReadable, FolderNotFound
from faceml.photo_files import IGNORED, PHOTO_SUFFIXES, RAW_SUFFIXES, VIDEO_SUFFIXES, find_photos, photo_folder
from faceml.vision.image import read_photo
from tests.conftest import REPO, skip_or_fail

register_heif_opener()
FORMATS = {
    **dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jfif"), "JPEG"),
    **dict.fromkeys((".heic", ".heif", ".hif"), "HEIF"),
    **dict.fromkeys((".tif", ".tiff"), "TIFF"),
    **{f".{name.lower()}": name for name in ("WEBP", "AVIF", "GIF", "BMP", "PNG", "MPO")},
}
OF_OTHER_PROGRAMS = """
    @eaDir/a.jpg, #recycle, #snapshot, @__thumb, .@__thumb, @Recycle, @Recently-Snapshot, .thumbnails, .Trash-1000,
    .dtrash, $RECYCLE.BIN, System Volume Information, lost+found, Photos.photoslibrary/resources, C Previews.lrdata,
    nextcloud/data/appdata_x1/preview, library/cache/thumbnails
"""


def touch(*files: Path) -> None:
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()


def names(folder: Path) -> set[str]:
    return {photo.relative_to(folder).as_posix() for photo in find_photos(folder).photos}


def left_out(folder: Path) -> dict[str, set[str]]:
    return {
        item.what: {path.removeprefix(f"{folder}/") for path in item.paths} for item in find_photos(folder).left_out
    }


@pytest.mark.parametrize("suffix", sorted(PHOTO_SUFFIXES))
def test_what_counts_as_a_photo_can_be_read(suffix: str, tmp_path: Path) -> None:
    pages = {"save_all": True, "append_images": [Image.new("RGB", (40, 30))]} if suffix == ".mpo" else {}
    file = tmp_path / f"photo{suffix.upper()}"
    with file.open("wb") as stream:
        Image.new("RGB", (40, 30), "teal").save(stream, FORMATS[suffix], **pages)
    assert find_photos(tmp_path).photos == (file,)
    assert read_photo(file).shape == (30, 40, 3)


def test_what_is_no_photo_is_named_with_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photo_files, "readable_suffixes", lambda: PHOTO_SUFFIXES)  # without `raw` and `video`
    there = ("a.CR2", "b.jxl", "c.mov", "c.mts", "d.psd", "e.jpg", "e.jpg.xmp", "notes.txt")
    touch(*(tmp_path / name for name in there))
    assert names(tmp_path) == {"e.jpg"}
    assert left_out(tmp_path) == {
        photo_files.RAW.what: {"a.CR2"},
        photo_files.JXL.what: {"b.jxl"},
        photo_files.VIDEO.what: {"c.mov"},
        photo_files.OTHER_VIDEO.what: {"c.mts"},
        photo_files.OTHER_PICTURE.what: {"d.psd"},
    }
    assert find_photos(tmp_path).other_files == 2
    assert all(item.fix for item in find_photos(tmp_path).left_out)


def test_a_raw_photo_is_taken_in_unless_the_camera_wrote_it_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = PHOTO_SUFFIXES | photo_files.RAW_SUFFIXES | {".jxl"}
    monkeypatch.setattr(photo_files, "readable_suffixes", lambda: everything)
    touch(*(tmp_path / name for name in ("a.CR2", "a.jpg", "b.nef", "c.jxl", "d.DNG", "D.heic", "other/a.arw")))
    touch(tmp_path / "live.heic", tmp_path / "live.mov")
    assert names(tmp_path) == {"a.jpg", "b.nef", "c.jxl", "D.heic", "other/a.arw", "live.heic"}
    assert left_out(tmp_path)[photo_files.RAW_TWIN.what] == {"a.CR2", "d.DNG"}
    assert left_out(tmp_path)[photo_files.LIVE_TWIN.what] == {"live.mov"}


def test_a_film_with_its_poster_is_no_live_photo(tmp_path: Path) -> None:
    touch(*(tmp_path / name for name in ("live.HEIC", "live.MOV", "film.jpg", "film.mp4", "long.jpg", "long.mov")))
    os.utime(tmp_path / "film.jpg", (1, 1))
    os.truncate(tmp_path / "long.mov", photo_files.LIVE_BYTES + 1)
    assert left_out(tmp_path) == {photo_files.LIVE_TWIN.what: {"live.MOV"}}
    assert {"film.mp4", "long.mov"} < names(tmp_path)


@pytest.mark.parametrize("folder", " ".join(OF_OTHER_PROGRAMS.split()).split(", "))
def test_thumbnails_and_bins_of_other_programs_are_left_out(folder: str, tmp_path: Path) -> None:
    touch(tmp_path / "2024" / folder / "thumb.jpg", tmp_path / "2024" / "photo.jpg")
    assert names(tmp_path) == {"2024/photo.jpg"}
    [(what, paths)] = left_out(tmp_path).items()
    assert what == photo_files.IGNORED_PATH.what
    assert all(f"2024/{folder}/".startswith(path) for path in paths)


def test_photos_whose_folders_only_sound_like_that_are_taken_in(tmp_path: Path) -> None:
    wanted = {"eaDir/a.jpg", "A.photoslibrary/originals/a.jpg", "cache/a.jpg", "# party/a.jpg", "a#recycle/b.jpg"}
    touch(*(tmp_path / name for name in wanted))
    assert names(tmp_path) == wanted
    assert left_out(tmp_path) == {}


def test_an_ignore_file_leaves_out_more_or_less_from_its_folder_on(tmp_path: Path) -> None:
    kept = {"a.jpg", "2024/b.jpg", "2024/keep/c.jpg", ".hidden/d.jpg", "other/private/e.jpg"}
    touch(*(tmp_path / name for name in kept | {"2024/private/x.jpg", "2024/x.png", "2024/keep/private/y.jpg"}))
    (tmp_path / ".facemlignore").write_text("\ufeff# mine\n*.png\r\n!.hidden/\n")
    (tmp_path / "2024" / ".facemlignore").write_text("private/\n")
    assert names(tmp_path) == kept
    assert left_out(tmp_path) == {photo_files.IGNORED_PATH.what: {"2024/private/", "2024/x.png", "2024/keep/private/"}}


def test_ignore_files_mean_what_git_takes_them_to_mean(tmp_path: Path) -> None:
    if shutil.which("git") is None:
        skip_or_fail("git is not installed")
    folder = tmp_path / "photos"
    for place in product(("in", "out", ".h", "@eaDir"), ("x", "y z", "#b"), ("a.jpg", "b.png", "[c].jpg")):
        touch(folder.joinpath(*place))
    touch(folder / "a.jpg", folder / "out.jpg", folder / "in" / "deep" / "a.jpg")
    (folder / ".facemlignore").write_text("out*\n/a.jpg\n*.png\n!in/x/b.png\n**/deep/\n\\[c].jpg\n")
    (folder / "in" / ".facemlignore").write_text("x/*\n!x/a.jpg\n!.*\n\\#b/a.jpg\ny\\ z/\n")
    (tmp_path / "defaults").write_text("\n".join(IGNORED))
    subprocess.run(["git", "init", "-q", folder], check=True)
    listed = ["git", "-C", folder, "-c", "core.quotePath=false", "ls-files", "--others"]
    rules = ["--exclude-per-directory=.facemlignore", f"--exclude-from={tmp_path / 'defaults'}"]
    said = subprocess.run([*listed, *rules], check=True, capture_output=True, text=True).stdout.splitlines()
    expected = {name for name in said if Path(name).suffix in PHOTO_SUFFIXES}
    assert names(folder) == expected
    assert {"in/x/a.jpg", "in/x/b.png"} & expected == {"in/x/a.jpg"}, "the example tells something"


@pytest.mark.parametrize("content", ["a folder", "a pipe", "!\n"])
def test_an_ignore_file_that_cannot_be_read_takes_nothing_in(content: str, tmp_path: Path) -> None:
    touch(tmp_path / "2024" / "private.jpg")
    file = tmp_path / "2024" / ".facemlignore"
    match content:
        case "a folder":
            file.mkdir()
        case "a pipe":
            os.mkfifo(file)
        case text:
            file.write_text(text)
    with pytest.raises(FileNotReadable, match=r"2024/.facemlignore cannot be read"):
        find_photos(tmp_path)


def test_pipes_sockets_devices_and_links_to_them_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path / "photo.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "to-pipe.jpg").symlink_to("pipe.jpg")
    (tmp_path / "to-device.jpg").symlink_to("/dev/zero")
    (tmp_path / "to-photo.jpg").symlink_to("photo.jpg")
    with socket.socket(socket.AF_UNIX) as bound:
        monkeypatch.chdir(tmp_path)  # the path of a socket has at most 100 letters
        bound.bind("socket.jpg")
    assert names(tmp_path) == {"photo.jpg", "to-photo.jpg"}
    found = {"pipe.jpg", "to-pipe.jpg", "to-device.jpg", "socket.jpg"}
    assert left_out(tmp_path) == {photo_files.SPECIAL.what: found}


def test_linked_folders_and_links_to_nothing_are_named_and_a_circle_is_not_walked(tmp_path: Path) -> None:
    touch(tmp_path / "in" / "a.jpg", tmp_path / "elsewhere" / "b.jpg")
    folder = tmp_path / "in"
    (folder / "up").symlink_to("..")
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    (folder / "gone.jpg").symlink_to("/nowhere/gone.jpg")
    (folder / "NAS").symlink_to("/nowhere/NAS")
    (folder / "self.jpg").symlink_to("self.jpg")
    assert names(folder) == {"a.jpg"}
    assert left_out(folder) == {
        photo_files.LINKED_FOLDER.what: {"up/", "linked/"},
        photo_files.BROKEN_LINK.what: {"gone.jpg", "NAS", "self.jpg"},
    }
    assert find_photos(folder / "linked").photos == (tmp_path / "elsewhere" / "b.jpg",), "named itself, it is followed"


def test_a_folder_that_cannot_be_opened_is_named_and_the_others_are_taken_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a path longer than the system takes: root may open every other folder."""
    touch(tmp_path / "a.jpg")
    monkeypatch.chdir(tmp_path)
    for _ in range(20):
        os.mkdir("d" * 250)
        os.chdir("d" * 250)
    touch(Path("deep.jpg"))
    monkeypatch.chdir(tmp_path)
    found = find_photos(tmp_path)
    assert found.photos == (tmp_path / "a.jpg",)
    [unopened] = found.left_out
    assert unopened.what == photo_files.UNOPENED.what
    assert unopened.paths[0].endswith("d/: File name too long")


def test_a_folder_that_is_a_circle_itself_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "self").symlink_to("self")
    for given in (tmp_path / "self", tmp_path / "self" / "below", tmp_path / ("x" * 300)):
        with pytest.raises(FolderNotFound, match="cannot be opened"):
            photo_folder(given)


def test_the_page_says_what_is_taken_in_and_what_is_ignored() -> None:
    page = (REPO / "docs" / "photos.md").read_text()
    said = set(re.findall(r"`([^`]+)`", page.partition("\nWhat a file holds")[0]))
    named = {name for name in said if re.fullmatch(r"\.\w+", name)}
    with_raw = RAW_SUFFIXES | {".jxl"}
    assert named - with_raw == PHOTO_SUFFIXES | VIDEO_SUFFIXES
    assert named & with_raw
    table = re.findall(r"^\| (`[^|]+`) \|", page.partition("| Rule | Of |")[2], re.MULTILINE)
    rules = {rule for row in table for rule in re.findall(r"`([^`]+)`", row)}
    assert rules == {rule.removeprefix("\\") for rule in IGNORED}
