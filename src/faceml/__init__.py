"""faceml turns a folder of photos into named people, and the names into a better model."""

import sys

from faceml.extras import MissingExtraFinder

__version__ = "0.1.0"  # the only place that says it

sys.meta_path.append(MissingExtraFinder)
