"""Heads in closed form: nothing is learned step by step, all follows from means and scatter of the labelled faces."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faceml.errors import NotEnoughData
from faceml.identity.projection import Head

Matrix = NDArray[np.float64]
WORTH_WHITENING = 1_000  # faces of a library: fewer do not tell how they vary
MOST_WHITENED = 10_000  # faces whose scatter is looked at, drawn at random beyond: 512 numbers are told by fewer


def identity_head(width: int) -> Head:
    """The head that changes nothing."""
    return Head(np.zeros(width, np.float32), np.eye(width, dtype=np.float32), ())


def centred_identity(vectors: NDArray[np.floating]) -> Head:
    """Only the mean of all faces is taken off: what they have in common says nothing about who they are."""
    mean = np.asarray(vectors, np.float64).mean(axis=0)
    return replace(identity_head(vectors.shape[1]), mean=mean.astype(np.float32))


def within_whitening(vectors: NDArray[np.floating], people: ArrayLike, *, shrinkage: float = 0.8) -> Head:
    """Make faces of one person vary alike in all directions: W = ((1 - s) S + s tr(S)/D I)^(-1/2).

    S is the scatter of faces around the mean of their person, pooled: what differs between two photos of somebody.
    Directions that are mostly such differences shrink. Shrinkage s pulls S towards the sphere, which a few hundred
    faces in D dimensions need. Source: within-class covariance normalisation, Hatch et al. 2006.

    Raises:
        NotEnoughData: nobody has two faces.
    """
    rows, codes = np.asarray(vectors, np.float64), np.unique(np.asarray(people), return_inverse=True)[1]
    weight = _inverse_root(_shrunk(_within(rows, codes), shrinkage))
    return Head(rows.mean(axis=0).astype(np.float32), weight.astype(np.float32), ())


def pca_whitening(vectors: NDArray[np.floating], *, shrinkage: float = 0.5) -> Head:
    """The same with the scatter of all faces around their common mean: needs no labels."""
    rows = np.asarray(vectors, np.float64)
    weight = _inverse_root(_shrunk(np.cov(rows.T), shrinkage))
    return Head(rows.mean(axis=0).astype(np.float32), weight.astype(np.float32), ())


def library_head(
    vectors: NDArray[np.floating], groups: ArrayLike, *, among: NDArray[np.intp] | None = None, seed: int = 0
) -> Head | None:
    """`library_whitening` on up to `MOST_WHITENED` faces; None where a library has too few for it.

    Args:
        groups: (N,) as of `library_whitening`.
        among: rows that may be looked at; None: all.
    """
    there = np.arange(len(vectors)) if among is None else among
    if len(there) < WORTH_WHITENING:
        return None
    rows = np.sort(np.random.default_rng(seed).permutation(there)[:MOST_WHITENED])
    return library_whitening(np.asarray(vectors)[rows], np.asarray(groups)[rows], seed=seed)


def library_whitening(
    vectors: NDArray[np.floating], groups: ArrayLike, *, shrinkage: float = 0.8, most_in_group: int = 3, seed: int = 0
) -> Head:
    """The same on a library as it is, where a few people have most of the photos: some faces of each group count.

    Args:
        groups: (N,) group of the library each face is in, -1: in no group, and counted.
    """
    order = np.random.default_rng(seed).permutation(len(vectors))
    marks = np.asarray(groups)[order]
    by_group = np.argsort(marks, kind="stable")
    _, starts, sizes = np.unique(marks[by_group], return_index=True, return_counts=True)
    nth = np.empty(len(order), np.intp)
    nth[by_group] = np.arange(len(order)) - np.repeat(starts, sizes)
    rows = np.sort(order[(marks < 0) | (nth < most_in_group)])
    return pca_whitening(np.asarray(vectors)[rows], shrinkage=shrinkage)


def lda(vectors: NDArray[np.floating], people: ArrayLike, *, shrinkage: float = 0.5) -> Head:
    """Linear discriminants: after within-class whitening, the directions in which people's means differ most.

    There are as many as people's means can span. Only people with two faces or more count: the mean of one face is that
    face, its own nuisance included.

    Raises:
        NotEnoughData: fewer than two people with two faces.
    """
    rows, codes = np.asarray(vectors, np.float64), np.unique(np.asarray(people), return_inverse=True)[1]
    whiten = _inverse_root(_shrunk(_within(rows, codes), shrinkage))
    means = _means(rows, codes)[np.bincount(codes) > 1] @ whiten
    if len(means) < 2:
        raise NotEnoughData(f"{len(means)} people with two faces to tell apart: discriminants need two")
    _, directions = np.linalg.eigh(np.cov(means.T))
    kept = directions[:, ::-1][:, : min(len(means) - 1, rows.shape[1])]
    return Head(rows.mean(axis=0).astype(np.float32), (whiten @ kept).T.astype(np.float32), ())


def _means(rows: Matrix, codes: NDArray[np.intp]) -> Matrix:
    sums = np.zeros((int(codes.max()) + 1, rows.shape[1]))
    np.add.at(sums, codes, rows)
    means: Matrix = sums / np.bincount(codes)[:, None]
    return means


def _within(rows: Matrix, codes: NDArray[np.intp]) -> Matrix:
    sizes = np.bincount(codes)
    freedom = int((sizes - 1).sum())
    if freedom == 0:
        raise NotEnoughData(f"not one of {len(sizes)} people has two faces, so nothing shows how a person's faces vary")
    around_mean = rows - _means(rows, codes)[codes]
    scatter: Matrix = around_mean.T @ around_mean / freedom
    return scatter


def _shrunk(scatter: Matrix, shrinkage: float) -> Matrix:
    width = len(scatter)
    shrunk: Matrix = (1 - shrinkage) * scatter + shrinkage * np.trace(scatter) / width * np.eye(width)
    return shrunk


def _inverse_root(scatter: Matrix) -> Matrix:
    values, directions = np.linalg.eigh(scatter)
    root: Matrix = (directions * np.maximum(values, 1e-12) ** -0.5) @ directions.T
    return root
