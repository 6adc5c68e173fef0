"""Labeled Faces in the Wild as a demo library, where there is a network (200 MB, downloaded by scikit-learn)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

from faceml.demo.library import LATER, PHOTOS, DemoPhotos, lay_out
from faceml.errors import Unavailable, WrongUse
from faceml.files import write_whole
from faceml.records import BBox
from faceml.storage.known_labels import KnownLabel

# LFW's photos are 250 pixels square: the box of a Viola-Jones detector, grown 2.2 times around its centre (Huang et
# al., "Labeled Faces in the Wild", 2007, section 3). So the face that the name means has this box, about.
LFW_BOX = BBox(68, 68, 114, 114)
MOST_PER_PERSON, STRANGERS = 30, 20


def lfw_photos(folder: Path, *, min_faces_per_person: int = 20, data_home: Path | None = None) -> DemoPhotos:
    """Copy LFW's photos into `folder`, as `build_demo` lays out its own.

    Of each person's photos, 30 at most, the last tenth is held back, one at least; so are 20 people with a single one.

    Args:
        min_faces_per_person: people with fewer photos are left out of the first batch.
        data_home: where scikit-learn keeps its downloads; None is its own default.
    Raises:
        Unavailable: the download is not there and cannot be fetched.
        WrongUse: nobody has so many photos, or `folder` cannot be written.
    """
    people = _download(min_faces_per_person, data_home)
    known = [p for p in people if len(p) >= min_faces_per_person]
    alone = [p for p in people if len(p) == 1 < min_faces_per_person][:STRANGERS]
    files: dict[str, Path] = {}
    for photos in (sorted(p)[:MOST_PER_PERSON] for p in known):
        first = len(photos) - max(1, len(photos) // 10)
        files |= {f"{PHOTOS}/{file.name}": file for file in photos[:first]}
        files |= {f"{LATER}/{file.name}": file for file in photos[first:]}
    files |= {f"{LATER}/{file.name}": file for (file,) in alone}
    truth = [KnownLabel(Path(path), LFW_BOX, file.parent.name.replace("_", " ")) for path, file in sorted(files.items())]

    def copy() -> None:
        for path, file in files.items():
            if not (folder / path).exists():
                write_whole(folder / path, file.read_bytes())

    return lay_out(folder, truth, copy)


def _download(min_faces_per_person: int, data_home: Path | None) -> list[Sequence[Path]]:
    """Each person's photos, as files: as scikit-learn's arrays of full-size pictures they take gigabytes."""
    from sklearn.datasets import fetch_lfw_people, get_data_home

    home = data_home
    try:
        home = Path(get_data_home(None if data_home is None else str(data_home)))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # each retry; our own line says it once
            fetch_lfw_people(
                data_home=str(home),
                color=True,
                slice_=None,
                resize=0.04,
                min_faces_per_person=min_faces_per_person,
                n_retries=1,
            )
    except OSError as error:
        reason = " ".join(str(error).split())
        raise Unavailable(
            f"Labeled Faces in the Wild is not in {home} and cannot be downloaded ({reason}): "
            "run the demo without --lfw, or try again with a network"
        ) from error
    except ValueError as error:
        reason = f"Nobody in Labeled Faces in the Wild has {min_faces_per_person} photos: ask for fewer"
        raise WrongUse(reason) from error
    people = sorted((home / "lfw_home" / "lfw_funneled").iterdir())
    return [sorted(person.glob("*.jpg")) for person in people if person.is_dir()]
