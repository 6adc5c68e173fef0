"""faceml turns a folder of photos into named people, and the names into a better model."""

__version__ = "0.1.0"
