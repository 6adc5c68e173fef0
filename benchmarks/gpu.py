"""What a CUDA card gains over the processor, and whether both give the same answers.

    python benchmarks/gpu.py                            50,000 faces; leaves itself out where there is no card
    python benchmarks/gpu.py --device cpu               the same on the processor alone: checks this script
    python benchmarks/gpu.py --photos FOLDER            photos of one's own for detection

Three things, each on the processor and on the card, in one process:

- exact grouping of all faces, as `faces cluster` does it where a card is (`machines.cuda`): the products by torch, no
  TF32; the tree and the labels must be the same;
- faces on photos, by ONNX Runtime's CUDA provider (`pip install 'faceml[gpu]'`): boxes must be the same, vectors alike;
- updates of a head as training makes them (faceml trains on the processor): the loss must end alike.

It prints seconds, the ratio, and whether the answers agree; the exit code is 1 where they do not.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from fixtures.hard_faces import hard_faces
from fixtures.left_out import leave_out

ALIKE = 1e-3  # of vectors' cosines, and of losses relative to each other
UPDATES, BATCH, FACES_TRAINED = 500, 32, 2_000


@dataclass(frozen=True, slots=True)
class Pair:
    """One thing, done twice."""

    name: str
    cpu_s: float
    gpu_s: float
    agree: bool
    told: str

    def __str__(self) -> str:
        ratio = self.cpu_s / max(self.gpu_s, 1e-9)
        verdict = "the same" if self.agree else "DIFFERENT"
        return f"| {self.name} | {self.cpu_s:.2f} | {self.gpu_s:.2f} | {ratio:.1f} | {verdict} | {self.told} |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--faces", type=int, default=50_000)
    parser.add_argument("--photos", type=Path, help="folder of JPEGs; default: one face, often")
    parser.add_argument("--only", nargs="+", choices=("grouping", "detection", "training"))
    options = parser.parse_args()
    device = device_of(options.device)
    print(f"{device_name(device)}\n\n| | CPU, s | {device}, s | times faster | answers | |\n|---|---|---|---|---|---|")
    steps: dict[str, Callable[[], Pair]] = {
        "grouping": lambda: grouping(options.faces, device),
        "detection": lambda: detection(options.photos, device),
        "training": lambda: training(device),
    }
    pairs = []
    for name, step in steps.items():
        if not options.only or name in options.only:
            pairs.append(step())
            print(pairs[-1], flush=True)
    return int(not all(pair.agree for pair in pairs))


def device_of(asked: str) -> str:
    import torch

    if asked != "cpu" and not torch.cuda.is_available():
        leave_out("torch finds no CUDA card; --device cpu checks this script without one")
    return "cpu" if asked == "cpu" else "cuda"


def device_name(device: str) -> str:
    import torch

    return "processor alone" if device == "cpu" else torch.cuda.get_device_name()


def timed(action: Callable[[], Any], device: str = "cpu") -> tuple[Any, float]:
    import torch

    started = time.perf_counter()
    answer = action()
    if device == "cuda":
        torch.cuda.synchronize()
    return answer, time.perf_counter() - started


# --- grouping


def grouping(count: int, device: str) -> Pair:
    from faceml.identity.hdbscan.exact import fit
    from faceml.machines.cuda import CudaRows

    vectors, on_card = hard_faces(count).vectors, partial(CudaRows, device=device)
    fit(vectors[:2000], cards=on_card)  # starts the card
    there, gpu_s = timed(lambda: fit(vectors, cards=on_card), device)
    here, cpu_s = timed(lambda: fit(vectors))
    same = np.array_equal(there.labels, here.labels) and np.array_equal(there.spanning_tree, here.spanning_tree)
    return Pair(f"exact groups of {count:,} faces", cpu_s, gpu_s, same, f"{here.labels.max() + 1:,} groups")


# --- detection


def detection(photos: Path | None, device: str) -> Pair:
    from faceml.config import read_settings
    from faceml.vision.model_packs import OPENCV_ZOO, load_pack
    from faceml.vision.stream import find_faces

    with tempfile.TemporaryDirectory() as folder:
        files = sorted(photos.glob("*.jpg")) if photos else made_photos(Path(folder))
        listed = list(enumerate(files, 1))
        found, seconds = {}, {}
        for provider in ("cpu", device):
            cache = Path(folder) / "models"
            pack = load_pack(OPENCV_ZOO, model_root=read_settings().model_root, cache_dir=cache, provider=provider)
            list(find_faces(listed[:1], pack))  # the first call prepares the card
            found[provider], seconds[provider] = timed(lambda pack=pack: list(find_faces(listed, pack)))
            where = pack.provider
    same, lowest = same_faces(found["cpu"], found[device])
    faces = sum(len(photo.faces) for photo in found["cpu"])
    told = f"{faces} faces on {len(files)} photos, by {where}; cosines from {lowest:.4f} on"
    return Pair("detection", seconds["cpu"], seconds[device], same and lowest > 1 - ALIKE, told)


def made_photos(folder: Path, count: int = 40) -> list[Path]:
    """The faces of scikit-image's astronaut, several on a photo and of several sizes."""
    from PIL import Image
    from skimage.data import astronaut

    face, files = Image.fromarray(astronaut()), []
    for number in range(count):
        photo = Image.new("RGB", (1600, 1200), (90, 90, 90))
        for place in range(3):
            side = 300 + 20 * ((number + place) % 10)
            photo.paste(face.resize((side, side)), (50 + 520 * place, 60 + 17 * (number % 20)))
        photo.save(folder / f"{number:03}.jpg", quality=95)
        files.append(folder / f"{number:03}.jpg")
    return files


def same_faces(ones: Sequence[Any], others: Sequence[Any]) -> tuple[bool, float]:
    """Whether each photo has the same boxes, to a pixel or two; and the least cosine of two faces that are the same."""
    lowest = 1.0
    for one, other in zip(ones, others, strict=True):
        if len(one.faces) != len(other.faces):
            return False, lowest
        ordered = [sorted(photo.faces, key=lambda face: (face.bbox.x, face.bbox.y)) for photo in (one, other)]
        for face, again in zip(*ordered, strict=True):
            if face.bbox.iou(again.bbox) < 0.95:
                return False, lowest
            lowest = min(lowest, float(face.embedding @ again.embedding))
    return True, lowest


# --- training


def training(device: str) -> Pair:
    losses, seconds = {}, {}
    for place in ("cpu", device):
        updated(place, updates=10)
        losses[place], seconds[place] = timed(lambda place=place: updated(place), place)
    off = abs(losses["cpu"] - losses[device]) / max(losses["cpu"], 1e-9)
    told = f"losses end at {losses['cpu']:.5f} and {losses[device]:.5f}"
    return Pair(f"{UPDATES:,} updates of a linear head", seconds["cpu"], seconds[device], off < 10 * ALIKE, told)


def updated(device: str, *, updates: int = UPDATES) -> float:
    """The loss after so many updates as training makes them: triplets of margin 0.2, batches of 32, Adam at 1e-4."""
    import torch
    from torch.nn.functional import normalize, triplet_margin_loss

    made = hard_faces(FACES_TRAINED)
    order = np.argsort(made.people, kind="stable")
    pairs = np.flatnonzero(np.diff(made.people[order]) == 0)
    rng, rows = np.random.default_rng(0), torch.from_numpy(made.vectors[order]).to(device)
    head = torch.nn.Linear(rows.shape[1], rows.shape[1], bias=False).to(device)
    torch.nn.init.eye_(head.weight)
    optimizer, loss = torch.optim.Adam(head.parameters(), lr=1e-4), torch.zeros(())
    for _ in range(updates):
        anchors, strangers = rng.choice(pairs, BATCH), rng.integers(len(rows), size=BATCH)
        sides = [normalize(head(rows[torch.from_numpy(chosen)])) for chosen in (anchors, anchors + 1, strangers)]
        loss = triplet_margin_loss(*sides, margin=0.2)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return float(loss.detach())


if __name__ == "__main__":
    raise SystemExit(main())
