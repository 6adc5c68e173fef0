"""How long a person who names clusters waits, without the browser's part.

    python benchmarks/labelling.py                   1,000 and 50,000 faces, a fifth of the people with a name
    python benchmarks/labelling.py --faces 10000

A decision is a typed name: stored, and the next group looked up with suggestions, as the face grid does. A page is 60
faces of 60 photos of 800 x 600 pixels. The browser's part is measured by benchmarks/grid_page.py.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from faceml.library import Library
from faceml.records import Face
from faceml.services.index.drain import IndexFollower, index_in_background
from faceml.services.review.browse import list_clusters, show_cluster
from faceml.services.review.thumbnails import Thumbnails
from faceml.storage.grid.face_query import FaceQuery, Place
from faceml.storage.grid.face_tiles import By
from tests.grid import TO_NAME, Namer
from tests.synthetic import synthetic_library

FACES_A_PERSON = 20
DECISIONS = 40
PAGE_FACES = 60
PEOPLE = FaceQuery(Place.PEOPLE)


def main() -> None:
    for faces, library in libraries_asked_for(__doc__):
        people = faces // FACES_A_PERSON
        print(f"\n{faces:,} faces, {people:,} clusters, {people // 5:,} people with a name")
        measure(library)


def libraries_asked_for(words: str | None, sizes: Sequence[int] = (1_000, 50_000)) -> Iterator[tuple[int, Library]]:
    """A made-up library of each number of faces on the command line; a fifth of its people have a name."""
    parser = argparse.ArgumentParser(description=words, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=int, nargs="+", default=list(sizes))
    for faces in parser.parse_args().faces:
        people = faces // FACES_A_PERSON
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder) / "library"
            library = synthetic_library(home, people=people, faces=FACES_A_PERSON, known=people // 5)
            yield faces, library
            library.close()


def measure(library: Library) -> None:
    library = index_in_background(library)
    page = page_of(library)
    Thumbnails(library, pixelate=lambda _: True).of(page[:1])  # imports; what is pixelated is not kept
    thumbnails = Thumbnails(library)
    print(f"  page of {len(page)}: first time      {timed(lambda: thumbnails.of(page)):7.1f} ms")
    print(f"  page of {len(page)}: from the folder {timed(lambda: Thumbnails(library).of(page)):7.1f} ms")
    print(f"  page of {len(page)}: from memory     {timed(lambda: thumbnails.at_hand(page)):7.1f} ms")
    print(f"  open the groups to name    {timed(lambda: Namer(library, actor='benchmark')):7.1f} ms")
    namer = Namer(library, actor="benchmark")
    print(f"  open the people            {timed(lambda: namer.grid.groups(PEOPLE, by=By.PERSON)):7.1f} ms")
    waits = [timed(lambda name=f"Somebody {n}": decide(namer, name)) for n in range(DECISIONS)]  # type: ignore[misc]
    print(f"  key to next group          {statistics.median(waits):7.1f} ms median, {max(waits):.1f} ms at most")
    assert isinstance(library.index_follower, IndexFollower)
    library.index_follower.close()


def decide(namer: Namer, name: str) -> None:
    """What the front end asks for between a name's Enter and the next group on the screen."""
    namer.name_next(name)
    following = FaceQuery(TO_NAME.place, cluster_id=namer.groups[0])
    namer.grid.page(following)
    namer.grid.suggest(following)


def page_of(library: Library) -> list[Face]:
    faces: list[Face] = []
    photos: set[int] = set()
    for cluster in list_clusters(library.repository, page_size=100).items:
        for face in show_cluster(library.repository, cluster.cluster_id).faces:
            if face.asset_id not in photos and len(faces) < PAGE_FACES:
                photos.add(face.asset_id)
                faces.append(face)
        if len(faces) == PAGE_FACES:
            break
    return faces


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - started)


if __name__ == "__main__":
    main()
