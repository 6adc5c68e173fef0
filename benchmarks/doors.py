"""How long it takes until a door is open.

    python benchmarks/doors.py                   `import faceml`, `faceml --help`, the commands that look, the champion

Each is the fastest of five fresh processes, less a bare interpreter's: others may use this machine too.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from faceml.config import Settings
from tests.fakes import FakePack, library_with
from tests.heads import CARD, deep_head, register

COMMAND = "from faceml.cli.main import cli\ntry: cli({!r})\nexcept SystemExit: pass"
CHAMPION = """from faceml.config import read_settings
from faceml.wiring import open_library
open_library(read_settings()).registry.load("champion")"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "library"
        tracking = f"sqlite:///{folder}/mlflow.db"
        library = library_with(FakePack(), Settings(home=home, model_pack="opencv-zoo", tracking_uri=tracking))
        library.registry.set_alias("champion", register(library, deep_head(0), card=CARD).version)
        os.environ |= {"FACEML_HOME": str(home), "FACEML_MODEL_PACK": "opencv-zoo", "MLFLOW_TRACKING_URI": tracking}
        for name, code in {
            "import faceml": "import faceml",
            "faceml --help": COMMAND.format(["--help"]),
            "faceml faces stats": COMMAND.format(["faces", "stats"]),
            "faceml faces clusters": COMMAND.format(["faces", "clusters"]),
            "the champion, read": CHAMPION,
        }.items():
            print(f"{name:24} {1000 * (fastest(code) - fastest('pass')):7.0f} ms")
        library.close()


def fastest(code: str) -> float:
    """Seconds of the fastest of five processes."""
    return min(_seconds(code) for _ in range(5))


def _seconds(code: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
