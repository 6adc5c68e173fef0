"""How well faces of known people are grouped and recognised, by pack and by way of doing it.

Needs a folder with one folder of photos a person (LFW's form); `:90` adds 90 pixels of grey on each side, for tight
crops. Writes the tables of docs/results/clustering.md:

    python benchmarks/identities.py --people FOLDER:90 --pack opencv-zoo --pack NAME --model-root ROOT
    python benchmarks/identities.py --vectors FILE.npz ...

`--vectors` takes files as benchmarks/recognition.py describes them, and groups their faces; those of nobody known take
part and are not counted.

Each photo's face of highest confidence x size counts. "several" are the people with two photos or more; "all" adds the
people with one. Noise counts as singletons. Thresholds marked + are the pack's recommended one plus that much.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from fixtures.left_out import leave_out
from numpy.typing import NDArray
from recognition import read
from scipy.cluster import hierarchy

from faceml.errors import ModelUnavailable
from faceml.identity.assignment import match_people
from faceml.identity.calibration import calibrate
from faceml.identity.cluster_labels import drop_loose
from faceml.identity.clustering import cluster_embeddings, linked
from faceml.identity.hdbscan.exact import fit
from faceml.identity.linkage import surplus_nearness, usual_similarity
from faceml.identity.projection import project
from faceml.identity.prototypes import centroid, centroids, choose_exemplars, trimmed_centroid
from faceml.metrics.agreement import Agreement, agreement, bcubed
from faceml.metrics.identification import answer, dir_at_far, rank_one
from faceml.training.whitening import library_whitening
from faceml.vision.model_packs import FacePack, load_pack
from faceml.vision.stream import find_faces

Vectors = NDArray[np.float32]
Labels = NDArray[np.int64]
SUFFIXES = {".jpg", ".jpeg", ".png"}
CACHE = Path(tempfile.gettempdir()) / "faceml-benchmark"
DRAWS = 20
ENROLLED = 5  # faces of a centroid
DOCUMENTED = (0.6, 0.7)
OFFSETS = (-0.05, -0.025, 0.0, 0.025, 0.05, 0.075, 0.1)  # above the pack's threshold
SHARES = ((1 / 16, 8), (1 / 8, 6), (1 / 4, 4), (1 / 2, 2), (1.0, 1))  # of the people, and draws
NOBODY_KNOWN = "-1"
SLOW = "shared neighbours (k-reciprocal)"  # minutes at 2,000 faces, so not over files


@dataclass(frozen=True, slots=True)
class Faces:
    vectors: Vectors  # (N, D)
    people: NDArray[np.str_]  # (N,)
    quality: NDArray[np.float64]  # (N,)
    threshold: float  # the pack's recommended one

    @property
    def has_mate(self) -> NDArray[np.bool_]:
        counts = Counter(self.people.tolist())
        return np.array([counts[name] > 1 for name in self.people.tolist()])


@dataclass(frozen=True, slots=True)
class Photos:
    folder: Path  # with one folder a person
    pad: int  # pixels of grey added on each side

    @classmethod
    def parse(cls, text: str) -> Photos:
        """FOLDER or FOLDER:PAD."""
        folder, _, pad = text.rpartition(":")
        return cls(Path(folder), int(pad)) if folder and pad.isdigit() else cls(Path(text), 0)


def read_faces(photos: Photos, pack: FacePack) -> Faces:
    files = sorted(path for path in photos.folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    with tempfile.TemporaryDirectory() as scratch:
        padded = list(padded_copies(files, Path(scratch), photos.pad)) if photos.pad else files
        found = list(find_faces(enumerate(padded), pack, min_confidence=0.3, min_face_size=10))
    kept = [photo for photo in found if photo.faces]
    best = [max(photo.faces, key=lambda face: face.detection_confidence * face.bbox.w * face.bbox.h) for photo in kept]
    print(f"{pack.contract.name}: a face on {len(kept)} of {len(files)} photos", file=sys.stderr)
    return Faces(
        np.stack([face.embedding for face in best]),
        np.array([files[photo.asset_id].parent.name for photo in kept]),
        np.array([face.quality_score for face in best]),
        pack.contract.match_threshold,
    )


def cached_faces(photos: Photos, name: str, *, model_root: Path) -> Faces:
    """The same, kept in the temporary folder for the next run."""
    key = hashlib.sha256(f"{photos.folder.resolve()} {name} {photos.pad}".encode()).hexdigest()[:16]
    file = CACHE / f"faces-{key}.npz"
    if file.exists():
        found = np.load(file)
        return Faces(found["vectors"], found["people"], found["quality"], float(found["threshold"]))
    faces = read_faces(photos, pack_there(name, model_root))
    np.savez(file, vectors=faces.vectors, people=faces.people, quality=faces.quality, threshold=faces.threshold)
    return faces


def pack_there(name: str, model_root: Path) -> FacePack:
    try:
        return load_pack(name, model_root=model_root, cache_dir=CACHE)
    except ModelUnavailable as error:
        leave_out(str(error))


def padded_copies(files: list[Path], scratch: Path, pad: int) -> Iterator[Path]:
    from PIL import Image, ImageOps

    for number, file in enumerate(files):
        with Image.open(file) as photo:
            target = scratch / f"{number}.png"
            ImageOps.expand(photo.convert("RGB"), pad, (128, 128, 128)).save(target)
            yield target


def distance(similarity: float) -> float:
    return float(np.sqrt(2 - 2 * similarity))


def hdbscan(vectors: Vectors, **options: object) -> Labels:
    return np.asarray(fit(vectors, min_cluster_size=3, min_samples=2, **options).labels)  # type: ignore[arg-type]


def chinese_whispers(vectors: Vectors, threshold: float) -> Labels:
    """Label propagation on the graph of pairs above a threshold (Biemann 2006)."""
    similar = vectors @ vectors.T
    np.fill_diagonal(similar, 0)
    similar[similar < threshold] = 0
    labels = np.arange(len(vectors))
    order = np.random.default_rng(0)
    for _ in range(30):
        before = labels.copy()
        for row in order.permutation(len(vectors)):
            if similar[row].any():
                labels[row] = np.bincount(labels, similar[row]).argmax()
        if np.array_equal(before, labels):
            break
    return labels


def re_ranked(vectors: Vectors, *, neighbours: int = 10, weight: float = 0.3) -> Labels:
    """HDBSCAN over k-reciprocal distances (Zhong et al. 2017, equations 3 to 12)."""
    import hdbscan as library

    similar = vectors @ vectors.T
    order = np.argsort(-similar, axis=1)[:, : neighbours + 1]
    is_near = np.zeros(similar.shape, bool)
    np.put_along_axis(is_near, order, True, axis=1)
    shared = np.where(is_near & is_near.T, np.exp(similar), 0)
    shared /= shared.sum(axis=1, keepdims=True)
    shared = np.stack([shared[order[row, :4]].mean(axis=0) for row in range(len(vectors))])
    overlap = np.stack([np.minimum(row, shared).sum(axis=1) for row in shared])
    blend = (1 - weight) * (1 - overlap / (2 - overlap)) + weight * np.sqrt(np.maximum(0, 2 - 2 * similar))
    np.fill_diagonal(blend, 0)
    model = library.HDBSCAN(metric="precomputed", min_cluster_size=3, min_samples=2, algorithm="generic")
    return np.asarray(model.fit_predict(((blend + blend.T) / 2).astype(np.float64)))


def average_linkage(vectors: Vectors, threshold: float) -> Labels:
    return cluster_embeddings(
        vectors, method="agglomerative", linkage="average", metric="cosine", eps=1 - threshold, min_cluster_size=1
    )


def linkage(vectors: Vectors, threshold: float, *, smallest: int = 2, more: float = 0.0) -> Labels:
    """`faceml faces cluster --method linkage`."""
    least = usual_similarity(threshold, len(vectors)) + more
    return cluster_embeddings(vectors, method="linkage", min_cluster_size=smallest, min_similarity=least)


def whitened_linkage(vectors: Vectors, threshold: float, *, with_nearness: bool) -> Labels:
    """Average linkage after a whitening of the library, cut where as many pairs are as near as at a raw cosine."""
    groups = hdbscan(vectors)
    rows = project(library_whitening(vectors, groups), vectors)
    similar = rows @ rows.T
    if with_nearness:
        surplus = surplus_nearness(rows, groups)
        similar = similar - surplus[:, None] - surplus
    upper = np.triu_indices(len(rows), 1)
    share = ((vectors @ vectors.T)[upper] >= threshold).mean()
    distances = 2 - similar[upper]
    merges = hierarchy.linkage(distances, method="average")
    return np.asarray(hierarchy.fcluster(merges, np.quantile(distances, share), criterion="distance"), np.int64)


def ways(threshold: float) -> dict[str, Callable[[Vectors], Labels]]:
    at = {f"{more:+.2f}": threshold + more for more in (0.0, 0.05, 0.10, 0.15)}
    found: dict[str, Callable[[Vectors], Labels]] = {
        "HDBSCAN (3, 2)": hdbscan,
        "leaves instead of excess of mass": lambda v: hdbscan(v, cluster_selection_method="leaf"),
        SLOW: re_ranked,
        "HDBSCAN (2, 1)": lambda v: np.asarray(fit(v, min_cluster_size=2, min_samples=1).labels),
        "**linkage**, groups of 2 and more": lambda v: linkage(v, threshold),
        "**linkage**, groups of 3 and more": lambda v: linkage(v, threshold, smallest=3),
        "linkage -0.05": lambda v: linkage(v, threshold, more=-0.05),
        "linkage +0.05": lambda v: linkage(v, threshold, more=0.05),
        "linkage +0.10": lambda v: linkage(v, threshold, more=0.10),
    }
    for name, value in at.items():
        found[f"calibrated epsilon {name}"] = lambda v, t=value: hdbscan(v, cluster_selection_epsilon=distance(t))  # type: ignore[misc]
        found[f"Chinese whispers {name}"] = lambda v, t=value: chinese_whispers(v, t)  # type: ignore[misc]
        found[f"average linkage {name}"] = lambda v, t=value: average_linkage(v, t)  # type: ignore[misc]
        found[f"HDBSCAN, loose faces dropped {name}"] = lambda v, t=value: drop_loose(v, hdbscan(v), min_cohesion=t)  # type: ignore[misc]
    for name in ("+0.00", "+0.05", "+0.10"):
        for with_nearness in (False, True):
            words = "whitened and less nearness" if with_nearness else "whitened"
            found[f"average linkage, {words} {name}"] = lambda v, t=at[name], near=with_nearness: whitened_linkage(  # type: ignore[misc]
                v, t, with_nearness=near
            )
    return found


def vectors_table(files: dict[str, Faces]) -> str:
    """BCubed F, and precision and recall, of each way on each file."""
    lines = [f"| way | {' | '.join(files)} |", "|---" * (1 + len(files)) + "|"]
    for name in ways(0.0):
        if name == SLOW:
            continue
        cells = [f"| {name} "]
        for faces in files.values():
            found = counted(faces, ways(faces.threshold)[name](faces.vectors))
            cells.append(f"| {found.f:.3f} ({found.precision:.3f}, {found.recall:.3f}) ")
        lines.append("".join(cells) + "|")
        print(lines[-1], file=sys.stderr)
    return "\n".join(lines)


def size_table(files: dict[str, Faces]) -> str:
    """BCubed F of linkage at thresholds around the pack's, on parts of all files of a pack together."""
    lines = [f"| numbers | faces | HDBSCAN (3, 2) | {' | '.join(f'{more:+.3f}' for more in OFFSETS)} |"]
    lines.append("|---" * (3 + len(OFFSETS)) + "|")
    for width in sorted({faces.vectors.shape[1] for faces in files.values()}):
        together = joined([faces for faces in files.values() if faces.vectors.shape[1] == width])
        for share, draws in SHARES:
            parts = [part_of(together, share, seed) for seed in range(draws)]
            begun = [fit(part.vectors, min_cluster_size=3, min_samples=2) for part in parts]
            cells = [mean_f(parts, [found.labels for found in begun])]
            for more in OFFSETS:
                labels = [
                    linked(part.vectors, found, min_similarity=part.threshold + more)
                    for part, found in zip(parts, begun, strict=True)
                ]
                cells.append(mean_f(parts, labels))
            count = np.mean([len(part.vectors) for part in parts])
            lines.append(f"| {width} | {count:,.0f} | {' | '.join(cells)} |")
    return "\n".join(lines)


def mean_f(several: list[Faces], labels: list[Labels]) -> str:
    return f"{np.mean([counted(*each).f for each in zip(several, labels, strict=True)]):.3f}"


def counted(faces: Faces, labels: Labels) -> Agreement:
    is_counted = faces.people != NOBODY_KNOWN
    return bcubed(faces.people[is_counted], labels[is_counted])


def joined(several: list[Faces]) -> Faces:
    names = [
        np.where(faces.people == NOBODY_KNOWN, NOBODY_KNOWN, np.char.add(f"{number}/", faces.people))
        for number, faces in enumerate(several)
    ]
    vectors, quality = (np.concatenate([getattr(faces, name) for faces in several]) for name in ("vectors", "quality"))
    return Faces(vectors, np.concatenate(names), quality, several[0].threshold)


def part_of(faces: Faces, share: float, seed: int) -> Faces:
    """Some of the people, and as large a share of the faces of nobody known."""
    rng = np.random.default_rng(seed)
    people = np.setdiff1d(faces.people, NOBODY_KNOWN)
    chosen = rng.permutation(people)[: round(share * len(people))]
    is_nobody = faces.people == NOBODY_KNOWN
    keep = np.isin(faces.people, chosen) | (is_nobody & (rng.random(len(is_nobody)) < share))
    return Faces(faces.vectors[keep], faces.people[keep], faces.quality[keep], faces.threshold)


def faces_of(file: Path) -> Faces:
    album = read(file).album
    return Faces(album.vectors, album.people.astype(str), album.quality, album.match_threshold)


def clustering_table(packs: dict[str, Faces]) -> str:
    names = list(ways(0.0))
    head = " | ".join(f"{pack}: several F | all P | all R | all F" for pack in packs)
    lines = [f"| way | {head} |", "|---" * (1 + 4 * len(packs)) + "|"]
    for name in names:
        cells = [f"| {name} "]
        for faces in packs.values():
            way = ways(faces.threshold)[name]
            several = agreement(faces.people[faces.has_mate], way(faces.vectors[faces.has_mate])).bcubed
            every = agreement(faces.people, way(faces.vectors)).bcubed
            cells.append(f"| {several.f:.4f} | {every.precision:.4f} | {every.recall:.4f} | {every.f:.4f} ")
        lines.append("".join(cells) + "|")
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Recognised:
    precision: float
    recall: float
    strangers_named: float  # share of the faces of people with one photo


def recognise(faces: Faces, threshold: float | None, seed: int) -> Recognised:
    """Half the people with several photos are labelled with three each; all other faces are asked about."""
    rng = np.random.default_rng(seed)
    known = rng.permutation(np.unique(faces.people[faces.has_mate]))
    known = np.sort(known[: len(known) // 2])
    gallery = np.concatenate([rng.permutation(np.flatnonzero(faces.people == name))[:3] for name in known])
    owners = np.searchsorted(known, faces.people[gallery])
    vectors = faces.vectors[gallery]
    chosen = [
        np.flatnonzero(owners == row)[choose_exemplars(vectors[owners == row], faces.quality[gallery][owners == row])]
        for row in range(len(known))
    ]
    exemplars = np.concatenate(chosen)
    if threshold is None:
        threshold = calibrate(vectors, owners, exemplar_rows=exemplars).threshold
    prototypes = np.concatenate([centroids(vectors, owners), vectors[exemplars]])
    rows = np.concatenate([np.arange(len(known)), owners[exemplars]])
    probes = np.setdiff1d(np.arange(len(faces.people)), gallery)
    named = match_people(faces.vectors[probes], prototypes, rows, min_similarity=threshold).person_rows
    truth = faces.people[probes]
    is_right = (named >= 0) & (known[named] == truth)
    is_known = np.isin(truth, known)
    single = ~faces.has_mate[probes]
    return Recognised(
        is_right.sum() / max(1, (named >= 0).sum()), is_right.sum() / is_known.sum(), (named[single] >= 0).mean()
    )


def recognition_table(packs: dict[str, Faces]) -> str:
    lines = ["| pack | threshold | precision mean / worst | recall mean / worst | singletons named |", "|---" * 5 + "|"]
    for pack, faces in packs.items():
        for name, threshold in (("auto", None), *((f"{value} (documented)", value) for value in DOCUMENTED)):
            draws = [recognise(faces, threshold, seed) for seed in range(DRAWS)]
            precision, recall = [draw.precision for draw in draws], [draw.recall for draw in draws]
            lines.append(
                f"| {pack} | {name} | {np.mean(precision):.4f} / {min(precision):.4f} "
                f"| {np.mean(recall):.4f} / {min(recall):.4f} | {np.mean([d.strangers_named for d in draws]):.2%} |"
            )
    return "\n".join(lines)


def centroid_draw(faces: Faces, trim: float | None, wrong: int, seed: int) -> tuple[float, float]:
    """Rank-1 and DIR at FAR 1 % by centroids of five faces each, `wrong` of them somebody else's."""
    rng = np.random.default_rng(seed)
    counts = Counter(faces.people.tolist())
    rich = rng.permutation([name for name in sorted(counts) if counts[name] > ENROLLED])
    gallery, middles = [], []
    for name in rich[: len(rich) // 2]:
        rows = rng.permutation(np.flatnonzero(faces.people == name))[:ENROLLED]
        gallery += rows.tolist()
        others = rng.choice(np.flatnonzero(faces.people != name), wrong, replace=False)
        chosen = faces.vectors[np.concatenate([others, rows[wrong:]]).astype(int)]
        middles.append(centroid(chosen) if trim is None else trimmed_centroid(chosen, trim=trim))
    probes = np.setdiff1d(np.arange(len(faces.people)), gallery)
    found = answer(faces.vectors[probes], faces.people[probes], np.stack(middles), rich[: len(rich) // 2])
    return rank_one(found), dir_at_far(found, 0.01)


def centroid_table(packs: dict[str, Faces]) -> str:
    lines = ["| pack | wrong of 5 | plain: rank-1 | DIR | trimmed: rank-1 | DIR |", "|---" * 6 + "|"]
    for pack, faces in packs.items():
        for wrong in (0, 1, 2):
            cells = []
            for trim in (None, 0.2):
                draws = np.array([centroid_draw(faces, trim, wrong, seed) for seed in range(DRAWS)])
                cells += [f"{draws[:, 0].mean():.4f}", f"{draws[:, 1].mean():.4f}"]
            lines.append(f"| {pack} | {wrong} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vectors", type=Path, nargs="+", default=[], metavar="FILE.npz")
    parser.add_argument("--people", type=Photos.parse, metavar="FOLDER[:PAD]", help="without it nothing is measured")
    parser.add_argument("--pack", action="append", help="model pack; may be given more than once")
    parser.add_argument("--model-root", type=Path, default=Path("~/.insightface").expanduser())
    options = parser.parse_args()
    if options.vectors:
        files = {path.stem: faces_of(path) for path in options.vectors}
        print("\nGrouping of files, BCubed F (P, R)\n\n" + vectors_table(files))
        print("\nLinkage by number of faces, BCubed F\n\n" + size_table(files), flush=True)
    if options.people is None:
        if not options.vectors:
            leave_out("it needs --people FOLDER, with one folder of photos a person, or --vectors FILE.npz")
        return
    packs = {}
    for name in options.pack or ["opencv-zoo"]:
        packs[name] = read_faces(options.people, pack_there(name, options.model_root))
    print("\nGrouping, BCubed\n\n" + clustering_table(packs))
    print(f"\nCentroids of {ENROLLED} faces, {DRAWS} draws\n\n" + centroid_table(packs))
    print(f"\nRecognition, dual mode's supervised half, {DRAWS} draws\n\n" + recognition_table(packs))


if __name__ == "__main__":
    main()
