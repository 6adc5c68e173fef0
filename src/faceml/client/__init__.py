"""A typed client of faceml's REST API: a method for each operation, made from its OpenAPI description.

>>> from faceml.client import Client
>>> client = Client("http://127.0.0.1:8000")  # key="…" where the service asks for one
"""

from faceml.client.connection import Client

__all__ = ["Client"]
