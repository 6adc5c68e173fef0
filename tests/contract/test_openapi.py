"""The description of the API is true: whatever is sent, the answer is a described one, and never an error of ours."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from jsonschema import Draft202012Validator
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from faceml.config import Settings
from serving.app import create_app
from serving.limits import Limits, most_bytes
from tests.rest import API, environment_of, served, two_people

SMALL = settings(
    max_examples=6,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)
OPERATIONS = sorted(
    (method.upper(), path) for path, item in create_app(Settings()).openapi()["paths"].items() for method in item
)
IDS = [f"{method} {path}" for method, path in OPERATIONS]
LARGE = settings(SMALL, max_examples=150, derandomize=False)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("openapi")
    tracking = f"sqlite:///{folder / 'mlflow.db'}"
    settings = Settings(home=folder / "library", model_pack="opencv-zoo", tracking_uri=tracking)
    library, _ = two_people(settings)
    library.close()
    with served(folder, "--rate", "0", **environment_of(settings)) as server:
        server.ask("GET", f"{API}/grid/map")  # the first one draws the map, which takes a busy machine seconds
        yield schemathesis.openapi.from_url(f"{server.url}/openapi.json")


def test_the_description_is_valid_and_complete() -> None:
    app = create_app(Settings())
    described = app.openapi()
    for name, part in described["components"]["schemas"].items():
        Draft202012Validator.check_schema(part)
        for example in part.get("examples", []):
            Draft202012Validator({**part, "components": described["components"]}).validate(example), name
    operations = [(path, operation) for path, item in described["paths"].items() for operation in item.values()]
    assert len(operations) >= 29
    for path, operation in operations:
        assert operation["summary"], path
        assert operation["description"], path
        body = operation.get("requestBody")
        if body and "application/json" in body["content"]:
            schema = body["content"]["application/json"]["schema"]
            for part in schema.get("anyOf", [schema]):
                name = part["$ref"].rpartition("/")[2]
                assert described["components"]["schemas"][name].get("examples"), name


def test_every_list_of_ids_that_is_described_has_room_in_its_body() -> None:
    described = create_app(Settings()).openapi()
    lists = 0
    for path, item in described["paths"].items():
        for operation in item.values():
            schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            for part in schema.get("anyOf", [schema]):
                fields = described["components"]["schemas"].get(part.get("$ref", "").rpartition("/")[2], {})
                kinds = [
                    kind for field in fields.get("properties", {}).values() for kind in field.get("anyOf", [field])
                ]
                ids = [kind["maxItems"] for kind in kinds if kind.get("items", {}).get("format") == "uuid"]
                scope = {"path": path, "headers": [(b"content-type", b"application/json")]}
                assert 42 * sum(ids) < most_bytes(scope, Limits()), path  # an id, its quotes, a comma, a blank
                lists += len(ids)
    assert lists >= 6


@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=IDS)
def test_any_request_gets_a_described_answer(api: Any, method: str, path: str) -> None:
    ask_many(api, method, path, SMALL)


@pytest.mark.nightly
@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=IDS)
def test_many_requests_get_described_answers(api: Any, method: str, path: str) -> None:
    ask_many(api, method, path, LARGE)


def ask_many(api: Any, method: str, path: str, how: settings) -> None:
    """Requests that fit the description, and ones that do not; every check that schemathesis has."""
    for mode in GenerationMode:
        asked = given(case=api[path][method].as_strategy(generation_mode=mode))(check)
        try:
            how(asked)()
        except Unsatisfiable:
            assert mode is GenerationMode.NEGATIVE  # nothing about this operation can be wrong


def check(case: Any) -> None:
    if isinstance(case.body, dict) and case.body.get("queue") is True:
        case.body["queue"] = False  # or Redis would have to run
    response = case.call(timeout=120)  # seconds, of a machine that others use too
    # That bytes are no picture, that kind=names needs a clusterId, that only a triplet loss takes mining, or that a
    # matcher goes with no projection, is beyond what the description can say; so is that a box has room for a face, or
    # that faces or a query are given, to which an action applies.
    says_less = ("/identify", "/suggestions", "/train", "/cluster/dual", "/explanation")
    says_less += ("/grid/decide", "/grid/suggest", "/grid/search", "/assets/{asset_id}/faces", "/box", "/cover")
    says_less += ("/review/answer", "/exemplars", "/search/upload", "/enrol")
    says_less += ("/apply", "/tune/grouping", "/tune/recognition")  # so are the options above, and whether faces wait
    left_out = [positive_data_acceptance] if case.path.endswith(says_less) else []
    if response.status_code == HTTPStatus.REQUEST_URI_TOO_LONG:
        left_out.append(negative_data_rejection)  # which does not know this answer to a list that is too long
    case.validate_response(response, excluded_checks=left_out)
    assert response.status_code < 500, response.text
