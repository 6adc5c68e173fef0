"""How many actions a person needs to name everybody: the labeller driven by the keys of somebody who knows them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest

from faceml.config import Settings
from faceml.options import ClusterOptions
from faceml.records import PackContract
from faceml.services.cluster.cluster import cluster_faces
from faceml.widgets.labeler import Labeler
from faceml.widgets.screen import Input
from tests.conftest import add_faces
from tests.fakes import FakePack, library_with
from tests.unit.identity.test_calibration import embed_crops

MOSTLY = 0.5  # a cluster shows whoever has more than half of its faces


class Typist:
    """Knows everybody. An action is one decision: a name typed or taken, faces left out, a split, a dismissal."""

    def __init__(self, view: Labeler, truth: dict[UUID, str]) -> None:
        self.view, self.truth = view, truth
        self.actions = self.keys = self.clusters = 0

    def work(self) -> None:
        asked: set[str] = set()
        while (cluster := self.view.cluster) is not None:
            if cluster.cluster_id not in asked:
                asked.add(cluster.cluster_id)
                self.clusters += 1
            names = Counter(self.truth[face.id] for face in cluster.faces)
            name, count = names.most_common(1)[0]
            strangers = frozenset(face.id for face in cluster.faces if self.truth[face.id] != name)
            if count <= MOSTLY * len(cluster.faces) and self.splits():
                continue
            self.leave_out(len(strangers))
            self.give(name, strangers)

    def splits(self) -> bool:
        self.press("s")
        if not self.view.screen().title.startswith("Split into"):
            return False
        self.press("Enter")
        return True

    def leave_out(self, count: int) -> None:
        self.actions += count  # a click each
        self.keys += count

    def give(self, name: str, left_out: frozenset[UUID]) -> None:
        for suggestion in self.view.screen().suggestions:
            if suggestion.name == name:
                return self.press("Enter" if suggestion.is_likely else suggestion.key, left_out=left_out)
        return self.press("Enter", text=name, left_out=left_out)

    def press(self, key: str, *, text: str = "", left_out: frozenset[UUID] = frozenset()) -> None:
        self.actions += key != "s"  # the preview and its Enter are one decision
        self.keys += 1 + len(text)
        self.view.handle(Input(key=key, text=text, left_out=left_out))


@pytest.mark.nightly
def test_eighty_people_take_at_most_1_3_actions_a_cluster(shared: Path, model_cache: Path, tmp_path: Path) -> None:
    vectors, owners = embed_crops(shared, model_cache, "opencv-zoo")
    sizes = np.bincount(owners)
    several = np.flatnonzero(sizes[owners] > 1)
    contract = PackContract("opencv-zoo", vectors.shape[1], "f" * 64, "MIT", 0.36)
    library = library_with(FakePack(contract), Settings(home=tmp_path / "library", model_pack="opencv-zoo"))
    ids = add_faces(library, vectors[several])
    truth = dict(zip(ids, (f"Person {owner}" for owner in owners[several]), strict=True))
    cluster_faces(library, ClusterOptions(min_cluster_size=3, min_samples=2))
    typist = Typist(Labeler(library, actor="ada"), truth)
    typist.work()
    with library.repository.read() as unit:
        names = unit.people.names()
        said = {id_: names[person] for id_, person, _ in unit.faces.labels() if person}
    each = typist.actions / typist.clusters
    print(
        f"{len(set(said.values()))} people, {len(said)} of {len(ids)} faces named: {typist.clusters} clusters, "
        f"{typist.actions} actions ({each:.2f} a cluster), {typist.keys} keys"
    )
    assert all(truth[face_id] == name for face_id, name in said.items())
    assert len(set(said.values())) == 80
    assert each <= 1.3
