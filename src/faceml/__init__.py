"""faceml turns a folder of photos into named people, and the names into a better model."""

import os
import sys

from faceml.extras import MissingExtraFinder

__version__ = "0.1.0"  # the only place that says it

# ONNX Runtime tells its maker what it runs, under an id it keeps in ~/.cache, unless this is set before it is loaded.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
sys.meta_path.append(MissingExtraFinder)
