"""The command line under the specification's name: `python -m faceml.scripts.cli faces …`."""

from faceml.cli.main import cli, main

__all__ = ["cli", "main"]

if __name__ == "__main__":
    main()
