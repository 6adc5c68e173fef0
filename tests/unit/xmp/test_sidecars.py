"""Which sidecar a photo's names are in, among others in the folder."""

from pathlib import Path

import pytest

from faceml.xmp.sidecars import Sidecars

PHOTOS = {".jpg", ".png"}


def test_a_folder_of_many_photos_is_gone_through_once_not_once_a_photo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"IMG_{number}.jpg" for number in range(500)]
    for name in [*names, "IMG_7.jpg.xmp"]:
        (tmp_path / name).touch()
    taken_apart: list[str] = []

    def path(name: str) -> Path:
        taken_apart.append(name)
        return Path(name)

    monkeypatch.setattr("faceml.xmp.sidecars.Path", path)
    sidecars = Sidecars(PHOTOS)
    assert [sidecars.to_write(tmp_path / name) for name in names] == [tmp_path / f"{name}.xmp" for name in names]
    assert [found.name for found in sidecars.to_read(tmp_path / "IMG_7.jpg")] == ["IMG_7.jpg.xmp"]
    assert len(taken_apart) < 3 * len(names)


@pytest.mark.parametrize(
    ("names", "read", "write"),
    [
        ((), (), "a.jpg.xmp"),
        (("a.xmp",), ("a.xmp",), "a.xmp"),
        (("a.jpg.xmp", "a.xmp"), ("a.jpg.xmp", "a.xmp"), "a.jpg.xmp"),
        (("a.xmp", "a.png"), (), "a.jpg.xmp"),  # it may speak of the other photo
        (("a.xmp", "a.raw"), ("a.xmp",), "a.jpg.xmp"),  # Adobe's, of the raw file
        (("A.JPG.XMP",), ("A.JPG.XMP",), "A.JPG.XMP"),
        (("A.JPG.XMP", "A.JPG"), (), "a.jpg.xmp"),  # the other photo claims it
        (("a.jpg.XMP", "A.JPG"), ("a.jpg.XMP",), "a.jpg.XMP"),
    ],
)
def test_a_sidecar_is_told_by_its_name_and_by_who_else_is_there(
    tmp_path: Path, names: tuple[str, ...], read: tuple[str, ...], write: str
) -> None:
    for name in ("a.jpg", *names):
        (tmp_path / name).touch()
    sidecars = Sidecars(PHOTOS)
    assert tuple(path.name for path in sidecars.to_read(tmp_path / "a.jpg")) == read
    assert sidecars.to_write(tmp_path / "a.jpg").name == write
