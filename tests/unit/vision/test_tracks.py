"""Faces followed from picture to picture: who goes on, who is new, and what was stored already."""

from __future__ import annotations

from typing import Any

import numpy as np

from faceml.records import BBox, FoundFace, Span
from faceml.vision.video.tracks import (
    MOST_GAP_S,
    MOST_TRACK_S,
    Follower,
    StoredTrack,
    Track,
    free_box,
    pair_tracks,
    shows_erased,
)

THRESHOLD = 0.4
ADA, BEA = np.eye(4, dtype=np.float32)[:2]


def like(vector: Any, similarity: float) -> Any:
    """A unit vector of this cosine."""
    return (similarity * vector + np.sqrt(1 - similarity**2) * np.eye(4)[3]).astype(np.float32)


def seen(vector: Any, *, x: int = 0, quality: float = 0.5) -> FoundFace:
    return FoundFace(BBox(x, 10, 50, 50), np.zeros((5, 2), np.float32), 0.9, quality, np.asarray(vector, np.float32))


def followed(*looks: tuple[float, int, list[FoundFace]]) -> list[Track]:
    follower = Follower(THRESHOLD)
    ended = [track for at_s, scene, faces in looks for track in follower.see(at_s, scene, faces)]
    return ended + follower.close()


def spans(tracks: list[Track]) -> list[Span | None]:
    return [track.face.span for track in tracks]


def test_two_people_who_change_places_are_two_tracks() -> None:
    tracks = followed((0, 0, [seen(ADA), seen(BEA, x=300)]), (1, 0, [seen(BEA), seen(ADA, x=300)]))
    assert spans(tracks) == [Span(0, 1, 0), Span(0, 1, 0)]
    assert [int(track.face.embedding.argmax()) for track in tracks] == [0, 1]


def test_a_track_has_its_best_picture_and_the_mean_of_its_vectors() -> None:
    blurred, sharp = seen(like(ADA, 0.8), quality=0.3), seen(ADA, x=20, quality=0.8)
    [track] = followed((0, 0, [blurred]), (1, 0, [sharp]), (2, 0, [blurred]))
    assert (track.face.bbox, track.face.span) == (sharp.bbox, Span(0, 2, 1))
    mean = blurred.embedding * 2 + sharp.embedding
    np.testing.assert_allclose(track.face.embedding, mean / np.linalg.norm(mean), atol=1e-6)


def test_somebody_little_alike_far_away_is_somebody_else_and_near_the_same() -> None:
    assert len(followed((0, 0, [seen(ADA)]), (1, 0, [seen(like(ADA, 0.5), x=40)]))) == 1
    assert len(followed((0, 0, [seen(ADA)]), (1, 0, [seen(like(ADA, 0.5), x=400)]))) == 2
    assert len(followed((0, 0, [seen(ADA)]), (1, 0, [seen(like(ADA, 0.9), x=400)]))) == 1


def test_a_track_ends_with_its_scene_a_long_absence_or_after_minutes() -> None:
    assert len(followed((0, 0, [seen(ADA)]), (1, 1, [seen(ADA)]))) == 2
    assert len(followed((0, 0, [seen(ADA)]), (1, 0, []), (2, 0, [seen(ADA)]))) == 1
    assert len(followed((0, 0, [seen(ADA)]), (MOST_GAP_S + 1, 0, [seen(ADA)]))) == 2
    long = [(float(at_s), 0, [seen(ADA)]) for at_s in range(int(MOST_TRACK_S) + 60)]
    assert len(followed(*long)) == 2


def test_what_is_settled_begins_before_every_open_track() -> None:
    follower = Follower(THRESHOLD)
    follower.see(3.4, 0, [seen(ADA)])
    assert follower.settled_s(3.4) == 3
    follower.see(4.2, 0, [seen(ADA), seen(BEA, x=300)])
    assert follower.settled_s(4.2) == 3
    follower.see(5.5, 1, [])
    assert follower.settled_s(5.5) == 5


def test_a_stored_face_is_known_by_its_picture_and_else_by_look_and_time() -> None:
    tracks = followed((7, 0, [seen(ADA), seen(BEA, x=300)]), (8, 0, [seen(ADA), seen(BEA, x=300)]))
    same_place = StoredTrack(BBox(2, 10, 50, 50), Span(7, 8, 7))
    elsewhere = StoredTrack(BBox(500, 10, 50, 50), Span(2, 7, 3), BEA)
    later = StoredTrack(BBox(500, 10, 50, 50), Span(20, 30, 25), BEA)

    def paired(*stored: StoredTrack, was_edited: bool = False) -> dict[int, int]:
        return pair_tracks(tracks, stored, match_threshold=THRESHOLD, was_edited=was_edited)

    assert paired(elsewhere, same_place) == {0: 1, 1: 0}
    assert paired(later) == {}
    assert paired(later, was_edited=True) == {1: 0}
    assert paired(StoredTrack(BBox(2, 10, 50, 50), Span(7, 8, 6))) == {}, "its picture was not looked at"


def test_somebody_erased_stays_out_by_place_or_where_that_was_not_looked_at_by_time() -> None:
    ada, bea = followed((7, 0, [seen(ADA), seen(BEA, x=300)]))
    erased = [StoredTrack(BBox(0, 10, 50, 50), Span(3, 8, 7))]
    assert (shows_erased(ada, erased, from_s=0), shows_erased(bea, erased, from_s=0)) == (True, False)
    before = [StoredTrack(BBox(0, 10, 50, 50), Span(3, 8, 4))]
    assert shows_erased(ada, before, from_s=6)
    assert not shows_erased(ada, before, from_s=0)


def test_boxes_of_one_video_differ() -> None:
    taken: set[BBox] = set()
    boxes = [free_box(BBox(5, 5, 20, 20), taken) for _ in range(30)]
    assert len(set(boxes)) == 30
    assert boxes[:2] == [BBox(5, 5, 20, 20), BBox(5, 5, 19, 20)]
