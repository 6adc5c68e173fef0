"""`python -m faceml …` is `faceml …`."""

from faceml.cli.main import main

if __name__ == "__main__":
    main()
