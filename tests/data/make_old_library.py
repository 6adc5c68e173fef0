"""How `library-of-0.1.zip` was made: a library with every kind of decision in it, by the version that its name tells.

It runs with that version (commit 5aa971e), from the root of a checkout of it, and not with later ones:

    git worktree add ../old 5aa971e && cd ../old && make install
    PYTHONPATH=src:. .venv/bin/python …/tests/data/make_old_library.py …/tests/data/library-of-0.1.zip

Vectors are drawn and names made up; there is no photo. Beside the database the archive holds what that version said of
its library: `expected.json` with the lines of its history, and with what changed in the tables when each decision was
taken back (or made again, where it had been taken back before), alone, and then all of them.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import tempfile
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from faceml.services.apart import keep_apart
from faceml.services.assign import assign_faces
from faceml.services.centroids import compute_centroids
from faceml.services.dismiss import dismiss_faces
from faceml.services.erase import erase_person
from faceml.services.exemplars import choose_exemplars
from faceml.services.hide import hide_person, unhide_person
from faceml.services.history import history
from faceml.services.import_labels import import_labels
from faceml.services.label import label_cluster
from faceml.services.merge import merge_people
from faceml.services.reassign import assign_faces_to, reject_person, unassign_faces
from faceml.services.rename import rename_person
from faceml.services.split import split_cluster
from faceml.services.undo import redo, undo

from faceml.config import Settings
from faceml.errors import Conflict, NotFound
from faceml.records import Dismissal, PackContract
from faceml.wiring import Library
from tests.conftest import add_faces, people_vectors
from tests.integration.decisions import differences, snapshot

ME = "ada"
PACK = SimpleNamespace(contract=PackContract("opencv-zoo", 128, "f" * 64, "MIT", 0.36))


def decide_everything(library: Library, folder: Path) -> None:
    """Ten people of five faces. Clusters `clu_0` to `clu_7` hold four of each; `clu_mixed` holds two whole people."""
    ids = add_faces(library, people_vectors(10, 5, seed=11))
    of = [ids[row : row + 5] for row in range(0, 50, 5)]
    with library.repository.begin() as unit:
        unit.faces.set_clusters([(id_, f"clu_{who}") for who in range(8) for id_ in of[who][:4]])
        unit.faces.set_clusters([(id_, "clu_mixed") for id_ in of[8] + of[9]])

    ada = label_cluster(library, "clu_0", "Ada", actor=ME).person_id
    bea = label_cluster(library, "clu_1", "Bea", actor=ME).person_id
    cleo = assign_faces_to(library, of[2][:3], "Cleo", actor="bob").person_id
    dora = label_cluster(library, "clu_3", "Dora", actor=ME).person_id
    zoe = label_cluster(library, "clu_7", "Zoe", actor=ME).person_id
    compute_centroids(library)
    assign_faces(library, threshold=0.6)  # fifth faces go under their person by a machine's word
    assign_faces_to(library, [of[3][4]], "Dora", actor=ME)
    label_cluster(library, "clu_2", "Cleo", actor=ME)
    (folder / "names.csv").write_text(f"face_id,person_name\n{of[4][0]},Eve\n{of[4][1]},Eve\n")
    import_labels(library, folder / "names.csv", actor=ME)
    reject_person(library, [of[0][3]], "Ada", actor=ME)
    reject_person(library, [of[5][4]], "Bea", actor=ME)
    unassign_faces(library, [of[1][0]], actor=ME)
    dismiss_faces(library, [of[5][0]], Dismissal.NOT_A_FACE, actor=ME)
    dismiss_faces(library, [of[5][1], of[2][3]], Dismissal.STRANGER, actor=ME)
    choose_exemplars(library, "Ada", of[0][1:3], actor=ME)
    split_cluster(library, "clu_mixed", actor=ME)
    keep_apart(library, "clu_6", "clu_4", actor=ME)
    keep_apart(library, "clu_6", ada, actor=ME)
    rename_person(library, ada, "Ada Lovelace", actor=ME)
    hide_person(library, dora, actor=ME)
    unhide_person(library, dora, actor=ME)
    hide_person(library, dora, actor=ME)
    merge_people(library, cleo, bea, actor=ME)
    rename_person(library, bea, "Cleo", actor=ME)  # the two records swap names
    merge_people(library, bea, ada, actor=ME)

    undo(library, actor=ME)
    undo(library, assign_faces_to(library, [of[6][0]], "Fay", actor=ME).event_id, actor=ME)
    again = undo(library, reject_person(library, [of[6][1]], "Ada Lovelace", actor=ME).event_id, actor=ME)
    redo(library, again.undone_event_id, actor=ME)
    undo(library, assign_faces_to(library, of[8][:2], "Gil", actor=ME).event_id, actor=ME)  # faces of a split
    merged = merge_people(library, named(library, "Eve"), ada, actor=ME)
    undo(library, merged.event_id, actor=ME)
    redo(library, merged.event_id, actor=ME)
    undo(library, redo(library, undo(library, actor=ME).undone_event_id, actor=ME).event_id, actor=ME)
    unassign_faces(library, of[3], actor=ME)  # the last she has: her centroid goes
    assign_faces_to(library, [of[7][4]], "Zoe", actor=ME)
    undo(library, actor=ME)
    erase_person(library, zoe, is_confirmed=True, actor=ME)


def named(library: Library, name: str) -> UUID:
    with library.repository.read() as unit:
        return unit.people.survivor(next(id_ for id_, known in unit.people.names().items() if known == name)).id


def told(library: Library) -> dict[str, Any]:
    """What this version says of the library, and what its undo and redo do."""
    first = snapshot(library)
    lines = history(library, limit=1000)
    answer: dict[str, Any] = {"history": {line.event_id: [line.kind, line.text, line.undone_by] for line in lines}}
    answer["toggled"] = {line.event_id: toggled(library, line) for line in lines if line.kind not in ("undo", "redo")}
    answer["toggling_left"] = differences(first, snapshot(library))
    try:
        while True:
            undo(library, actor=ME)
    except NotFound:
        answer["all_undone"] = differences(first, snapshot(library))
    return answer


def toggled(library: Library, line: Any) -> Any:
    """What changes when a decision is taken back, or made again where it is; it is put back after. Or why it cannot."""
    before = snapshot(library)
    there, back = (undo, redo) if line.undone_by is None else (redo, undo)
    try:
        there(library, line.event_id, actor=ME)
    except Conflict as error:
        return str(error)
    changed = differences(before, snapshot(library))
    back(library, line.event_id, actor=ME)
    return changed


def main(archive: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder) / "library", model_pack="opencv-zoo")
        library = Library(settings)
        library.__dict__["pack"] = PACK
        decide_everything(library, Path(folder))
        library.close()
        copy = Path(folder) / "faceml.db"
        with sqlite3.connect(settings.home / "faceml.db") as database:
            database.execute("VACUUM INTO ?", [str(copy)])
        library = Library(settings)
        library.__dict__["pack"] = PACK
        expected = json.dumps(told(library), indent=1)
        library.close()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
            zipped.write(copy, "faceml.db")
            zipped.writestr("expected.json", expected)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
