"""Photos a second: faceml's backfill beside a loop of `cv2.imread` and `FaceAnalysis.get`, same pack, same photos.

The pack is `buffalo_l`, else another InsightFace pack that is there, else `opencv-zoo`, for which the loop is that of
OpenCV's own `FaceDetectorYN` and `FaceRecognizerSF`; the first line says which.

faceml's side decodes, detects, embeds, and stores faces, vectors and index in a fresh library each time; the loop keeps
nothing. Each side lives in a process of its own with its models loaded; they take turns, so that a busy machine slows
both, and the ratio of neighbouring runs is what counts. The photos are copies of those in a folder, some enlarged as a
camera would deliver them, made in a temporary folder.

    python benchmarks/detection.py --photos FOLDER --pack scrfd500m_edgeface_xs --model-root ROOT
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from fixtures.left_out import leave_out

from faceml.config import read_settings
from faceml.errors import ModelUnavailable
from faceml.vision.model_packs import OPENCV_ZOO, read_contract

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

WIDTHS_PX = (0, 1000, 2000, 3000)  # 0: as it is
JPEG_QUALITY = 90
PREFERRED = "buffalo_l"
CACHE = Path(tempfile.gettempdir()) / "faceml-benchmark"
GRAIN = 4  # standard deviation of the noise on enlarged photos: without it they are far smaller files than a camera's


Turn = Callable[[], Callable[[], int]]  # prepares, untimed, and gives what is timed: photos → faces


@dataclass(frozen=True, slots=True)
class Run:
    seconds: float
    faces: int
    peak_mb: float


def pack_there(asked: str | None, model_root: Path) -> str:
    """The pack asked for, or the first that is on this machine."""
    others = sorted(folder.name for folder in (model_root / "models").glob("*") if folder.name != OPENCV_ZOO)
    names = [asked] if asked else [PREFERRED, *others, OPENCV_ZOO]
    problems = {name: problem(name, model_root) for name in names}
    if all(problems.values()):
        leave_out(str(problems[names[0]]))
    return next(name for name in names if not problems[name])


def problem(pack: str, model_root: Path) -> str | None:
    try:
        read_contract(pack, model_root=model_root)
    except ModelUnavailable as error:
        return str(error)
    return None


def plain_loop(pack: str, model_root: Path, photos: list[Path]) -> Turn:
    """What people write: every module of the pack, default threads, one photo after another."""
    import cv2

    if pack == OPENCV_ZOO:
        return opencv_loop(model_root, photos)
    from insightface.app import FaceAnalysis

    app = FaceAnalysis(name=pack, root=str(model_root))
    app.prepare(ctx_id=0)
    return lambda: lambda: sum(len(app.get(cv2.imread(str(path)))) for path in photos)


def opencv_loop(model_root: Path, photos: list[Path]) -> Turn:
    import cv2

    from faceml.vision.float_models import float_model
    from faceml.vision.opencv_zoo import find_weights

    weights = find_weights(model_root)  # OpenCV cannot run the quantised recogniser: both sides have float32
    detector, recogniser = (
        str(float_model(file, cache_dir=CACHE, free_axes=axes))
        for file, axes in (
            (weights.detector, {"input": {2: "height", 3: "width"}}),
            (weights.recogniser, {"data": {0: "N"}}),
        )
    )
    find, embed = cv2.FaceDetectorYN.create(detector, "", (0, 0), 0.5), cv2.FaceRecognizerSF.create(recogniser, "")

    def loop() -> int:
        count = 0
        for path in photos:
            image = cv2.imread(str(path))
            find.setInputSize(image.shape[1::-1])
            for face in () if (found := find.detect(image)[1]) is None else found:
                embed.feature(embed.alignCrop(image, face))
                count += 1
        return count

    return lambda: loop


def faceml_backfill(pack: str, model_root: Path, photos: list[Path]) -> Turn:
    from faceml.config import Settings
    from faceml.options import DetectOptions
    from faceml.services.photos.detect import backfill_faces
    from faceml.services.photos.ingest import ingest_folder
    from faceml.vision.model_packs import load_pack
    from tests.fakes import library_with

    loaded = load_pack(pack, model_root=model_root, cache_dir=CACHE)

    def prepare() -> Callable[[], int]:
        settings = Settings(home=Path(tempfile.mkdtemp(dir=photos[0].parent.parent)), model_pack=pack)
        library = library_with(loaded, settings)
        ingest_folder(library.repository, photos[0].parent)
        return lambda: backfill_faces(library, DetectOptions(limit=len(photos), min_face_size=1)).faces_added

    return prepare


SIDES = {"plain": plain_loop, "faceml": faceml_backfill}


def serve(side: str, pack: str, model_root: Path, photos: list[Path], wire: Connection) -> None:
    """Run the photos once for each message until None comes."""
    turn = SIDES[side](pack, model_root, photos)
    turn()()  # warm: first calls allocate
    while wire.recv() is not None:
        run = turn()
        started = time.perf_counter()
        faces = run()
        seconds = time.perf_counter() - started
        wire.send(Run(seconds, faces, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def demo_photos(folder: Path) -> Path:
    from faceml.demo.build import build_demo

    return build_demo(folder / "demo").photos


def make_photos(source: Path, target: Path, count: int, widths_px: tuple[int, ...]) -> list[Path]:
    import cv2
    import numpy as np

    grain = np.random.default_rng(0)
    originals = sorted(path for path in source.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
    if not originals:
        sys.exit(f"no JPEG below {source}")
    written = []
    for at, (path, width) in enumerate(
        itertools.islice(zip(itertools.cycle(originals), itertools.cycle(widths_px)), count)
    ):
        image = cv2.imread(str(path))
        if width:
            image = cv2.resize(image, (width, width * 3 // 4), interpolation=cv2.INTER_CUBIC)
            image = np.clip(image + grain.normal(0, GRAIN, image.shape), 0, 255).astype(np.uint8)
        written.append(target / f"{at:05d}.jpg")
        cv2.imwrite(str(written[-1]), image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return written


def compare(photos: list[Path], *, pack: str, model_root: Path, repeats: int) -> dict[str, list[Run]]:
    """Let both sides take turns; the first turn changes hands each time."""
    context = multiprocessing.get_context("spawn")
    wires: dict[str, Connection] = {}
    for side in SIDES:
        wires[side], theirs = context.Pipe()
        context.Process(target=serve, args=(side, pack, model_root, photos, theirs), daemon=True).start()
        theirs.close()  # so that a side that fails is noticed
    runs: dict[str, list[Run]] = {side: [] for side in SIDES}
    for repeat in range(repeats):
        for side in sorted(SIDES, reverse=bool(repeat % 2)):
            wires[side].send("go")
            runs[side].append(wires[side].recv())
    for wire in wires.values():
        wire.send(None)
    return runs


def report(runs: dict[str, list[Run]], photo_count: int) -> None:
    for side, results in runs.items():
        rate = photo_count / statistics.median(one.seconds for one in results)
        peak = max(one.peak_mb for one in results)
        print(f"{side:7} {rate:6.1f} photos/s  {results[0].faces} faces  peak memory {peak:.0f} MB")
    ratios = [plain.seconds / ours.seconds for plain, ours in zip(runs["plain"], runs["faceml"], strict=True)]
    each = " ".join(f"{ratio:.2f}" for ratio in ratios)
    print(f"faceml is {statistics.median(ratios):.2f} times as fast (each pair: {each})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, help="folder of JPEGs to copy and enlarge; default: the demo's")
    parser.add_argument("--pack", help="one of InsightFace's, or opencv-zoo; default: the one there is")
    parser.add_argument("--model-root", type=Path, default=read_settings().model_root.expanduser())
    parser.add_argument("--count", type=int, default=100, help="photos a run")
    parser.add_argument("--widths", type=int, nargs="+", default=list(WIDTHS_PX), help="pixels; 0 keeps the original")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    pack = pack_there(options.pack, options.model_root)
    print(f"pack {pack}" + ("" if options.pack or pack == PREFERRED else f", as there is no {PREFERRED}"), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        # In a process of its own: a child's peak memory starts from its parent's.
        source = options.photos or demo_photos(Path(folder))
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            target = Path(folder) / "photos"
            target.mkdir()
            photos = pool.apply(make_photos, (source, target, options.count, tuple(options.widths)))
        report(compare(photos, pack=pack, model_root=options.model_root, repeats=options.repeats), len(photos))


if __name__ == "__main__":
    main()
