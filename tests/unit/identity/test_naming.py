"""Cluster ids that stay with the same people."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from faceml.identity.cluster_labels import keep_names, name_clusters

FORMER = st.sampled_from(["a", "b", "c", None])


def test_a_cluster_that_grew_keeps_its_name() -> None:
    assert keep_names([0, 0, 0, 0], ["a", "a", None, None]) == {0: "a"}


def test_of_a_split_the_larger_part_keeps_the_name() -> None:
    assert keep_names([0, 0, 1, 1, 1], ["a"] * 5) == {1: "a"}


def test_of_two_that_joined_the_larger_gives_the_name() -> None:
    assert keep_names([0] * 5, ["a", "a", "b", "b", "b"]) == {0: "b"}


def test_a_few_shared_faces_are_not_the_same_people() -> None:
    assert keep_names([0] * 9 + [1], ["a"] + ["b"] * 3 + [None] * 5 + ["a"]) == {0: "b", 1: "a"}


@given(st.lists(st.tuples(st.integers(-1, 3), FORMER), max_size=40))
def test_no_name_is_given_twice_and_noise_gets_none(pairs: list[tuple[int, str | None]]) -> None:
    labels, former = [label for label, _ in pairs], [name for _, name in pairs]
    kept = keep_names(labels, former)
    assert len(set(kept.values())) == len(kept)
    assert -1 not in kept
    names = name_clusters(labels, kept, (f"new{i}" for i in range(9)))
    assert [name is None for name in names] == [label == -1 for label in labels]
    assert len(set(names) - {None}) == len(set(labels) - {-1})


@given(st.lists(st.integers(-1, 3), max_size=40))
def test_the_same_clusters_keep_their_names(labels: list[int]) -> None:
    former = [None if label < 0 else f"c{label}" for label in labels]
    assert name_clusters(labels, keep_names(labels, former), iter([])) == former
