"""LFW as a demo library. The download is scikit-learn's; a small folder in its place is read by its real code."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from faceml.demo.lfw import LFW_BOX, lfw_photos
from faceml.demo.library import DemoPhotos
from faceml.errors import Unavailable, WrongUse
from faceml.storage.known_labels import read_known_labels

PEOPLE = {"Anna_Alone": 1, "Ben_Two": 2, "Carla_Four": 4, "Dora_Twelve": 12, "Emil_Thirty_Three": 33}


@pytest.fixture
def downloaded(tmp_path: Path) -> Path:
    """scikit-learn's folder as its download leaves it, with drawn photos."""
    home = tmp_path / "scikit_learn_data" / "lfw_home"
    rng = np.random.default_rng(0)
    for person, count in PEOPLE.items():
        folder = home / "lfw_funneled" / person
        folder.mkdir(parents=True)
        for number in range(1, count + 1):
            pixels = rng.integers(0, 256, (250, 250, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"{person}_{number:04d}.jpg")
    for name in ("pairsDevTrain.txt", "pairsDevTest.txt", "pairs.txt"):
        (home / name).write_text("")
    return home.parent


def people_in(library: DemoPhotos, batch: str) -> dict[str, int]:
    """Photos of each person in a batch, in the folder and in the truth."""
    people = Counter(label.person for label in read_known_labels(library.truth) if label.path.parent.name == batch)
    assert people.total() == len(list((library.photos.parent / batch).iterdir()))
    return people


def test_lfw_is_laid_out_like_the_demo(downloaded: Path, tmp_path: Path) -> None:
    library = lfw_photos(tmp_path / "lfw", min_faces_per_person=4, data_home=downloaded)
    assert people_in(library, "photos") == {"Carla Four": 3, "Dora Twelve": 11, "Emil Thirty Three": 27}
    assert people_in(library, "later") == {"Carla Four": 1, "Dora Twelve": 1, "Emil Thirty Three": 3, "Anna Alone": 1}
    assert {face.bbox for face in read_known_labels(library.truth)} == {LFW_BOX}
    original = downloaded / "lfw_home/lfw_funneled/Dora_Twelve/Dora_Twelve_0012.jpg"
    assert (library.later / "Dora_Twelve_0012.jpg").read_bytes() == original.read_bytes()


def test_lfw_without_people_photographed_so_often_says_so(downloaded: Path, tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="has 34 photos: ask for fewer"):
        lfw_photos(tmp_path / "lfw", min_faces_per_person=34, data_home=downloaded)


@pytest.mark.filterwarnings("ignore:Retry downloading")
def test_lfw_without_a_network_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # nobody listens on the discard port
    with pytest.raises(Unavailable, match=r"cannot be downloaded.*without --lfw") as caught:
        lfw_photos(tmp_path / "lfw", data_home=tmp_path / "nothing")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "lfw").exists()
