"""Pictures out of videos: one a second, upright, the same whichever way they are reached."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from faceml.errors import UnreadablePhoto
from faceml.records import Frame
from faceml.vision import frames
from faceml.vision.frames import Film, Look, read_facts, read_frame
from faceml.vision.image import load_photo, read_photo
from faceml.vision.taken_at import read_taken_at
from tests.films import GROUNDS, HEIGHT, WIDTH, Scene, write_film

av = pytest.importorskip("av", reason="the extra video is not installed")


def looks(path: Path, *, from_s: float = 0.0) -> list[Look]:
    return list(Film(path).looks(from_s=from_s))


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three scenes of 1.6 seconds each."""
    scenes = [Scene(1.6, ground) for ground in GROUNDS[:3]]
    return write_film(tmp_path_factory.mktemp("film") / "film.mp4", scenes, taken_at="2024-05-01T10:00:00Z")


def test_a_picture_a_second_is_looked_at_and_scenes_are_told_apart(film: Path) -> None:
    found = looks(film)
    assert [int(look.at_s) for look in found] == [0, 1, 2, 3, 4]
    assert [look.scene for look in found] == [0, 0, 1, 1, 2]
    assert all(look.pixels.shape == (HEIGHT, WIDTH, 3) for look in found)
    assert np.abs(found[0].pixels[0, WIDTH // 2].astype(int) - GROUNDS[0]).max() < 12


def test_a_picture_read_alone_is_the_one_that_was_looked_at(film: Path) -> None:
    for look in looks(film):
        np.testing.assert_array_equal(read_photo(Frame(film, look.at_s)), look.pixels)
    np.testing.assert_array_equal(load_photo(film).pixels, looks(film)[0].pixels)


def test_who_begins_in_the_middle_sees_the_same(film: Path) -> None:
    whole, rest = looks(film), looks(film, from_s=2.0)
    assert [look.at_s for look in rest] == [look.at_s for look in whole[2:]]
    for one, other in zip(rest, whole[2:], strict=True):
        np.testing.assert_array_equal(one.pixels, other.pixels)


@pytest.mark.parametrize(
    ("name", "codec"), [("film.avi", "mpeg4"), ("film.mkv", "libx264"), ("film.webm", "libvpx"), ("film.mov", "mpeg4")]
)
def test_other_containers_are_read_too(name: str, codec: str, tmp_path: Path) -> None:
    film = write_film(tmp_path / name, [Scene(2.2, GROUNDS[0])], codec=codec)
    assert [int(look.at_s) for look in looks(film)] == [0, 1, 2]
    assert read_facts(film).duration_s == pytest.approx(2.2, abs=0.3)
    assert read_frame(Frame(film, looks(film)[1].at_s)).shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize("rotation", [90, 180, -90])
def test_a_video_is_upright_by_its_display_matrix(rotation: int, film: Path, tmp_path: Path) -> None:
    turned = write_film(tmp_path / "turned.mp4", [Scene(1, GROUNDS[0])], rotation=rotation)
    pixels = read_frame(Frame(turned, 0.0)).astype(int)
    expected = np.rot90(looks(film)[0].pixels.astype(int), rotation // 90)  # counter-clockwise
    assert pixels.shape == expected.shape
    assert np.abs(pixels - expected).mean() < 4


def test_a_mirroring_matrix_mirrors() -> None:
    picture = np.arange(6, dtype=np.uint8).reshape(2, 3, 1)
    mirrored = frames.turned(picture, np.array([-1, 0, 0, 0, 1, 0, 0, 0, 1], np.int32))
    np.testing.assert_array_equal(mirrored, picture[:, ::-1])


def test_the_files_clock_says_when(film: Path, tmp_path: Path) -> None:
    assert read_taken_at(film) == datetime(2024, 5, 1, 10, tzinfo=UTC)
    never = write_film(tmp_path / "never.mp4", [Scene(0.4, GROUNDS[0])], taken_at="1970-01-01T00:00:00Z")
    assert read_taken_at(never) is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b"#EXTM3U\n#EXTINF:5,\nhttp://127.0.0.1:9/x.ts\n", "no video"),
        (b"\0" * 9999, "damaged"),
    ],
)
def test_what_is_no_video_is_told_in_a_line(content: bytes, reason: str, tmp_path: Path) -> None:
    file = tmp_path / "film.mp4"
    file.write_bytes(content)
    with pytest.raises(UnreadablePhoto, match=reason) as error:
        looks(file)
    assert "\n" not in str(error.value)
    assert str(tmp_path) not in str(error.value)
    assert read_facts(file).duration_s == 0


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "sound.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 2048), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 48000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(UnreadablePhoto, match="no moving picture"):
        looks(tmp_path / "sound.mp4")


def test_a_moment_after_the_end_is_told(film: Path) -> None:
    with pytest.raises(UnreadablePhoto, match=r"no picture at 99\.0 seconds"):
        read_frame(Frame(film, 99.0))


def test_without_the_extra_a_line_says_what_to_install(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "can_read_videos", lambda: False)
    with pytest.raises(UnreadablePhoto, match=r"pip install 'faceml\[video\]'"):
        read_photo(film)
