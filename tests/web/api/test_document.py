"""The OpenAPI document and what the API does are the same: each address, each answer, whatever is sent."""

import json
import os

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mall.web.api import messages
from mall.web.api.document import document

EXAMPLES = 60 * int(os.environ.get("SOAK", "1"))


@pytest.fixture
def described(client):
    answer = client.get("/api/v1/openapi.json")
    assert (answer.status_code, answer.content_type) == (200, "application/json")
    assert "Set-Cookie" not in answer.headers
    return answer.json


def test_every_address_of_the_face_is_described_with_its_methods(app, described):
    ours = {
        (rule.rule, method.lower())
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("api.")
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    told = {(path, method) for path, methods in described["paths"].items() for method in methods}

    assert described["openapi"] == "3.1.0"
    assert told == ours


def test_every_reference_in_the_document_leads_somewhere(described):
    references = []

    def walk(part):
        if isinstance(part, dict):
            references.extend(value for name, value in part.items() if name == "$ref")
            for value in part.values():
                walk(value)
        elif isinstance(part, list):
            for value in part:
                walk(value)

    walk(described)
    assert references
    for reference in references:
        found = described
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]


PATHS = ("purchases", "refunds", "bindings")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=8), inside, max_size=3),
    max_leaves=6,
)
NAMES = sorted(
    {name for schema in document()["components"]["schemas"].values() for name in schema.get("properties", ())}
)
LIKELY = {
    "reference": st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=80),
    "purchase": st.sampled_from(["R-0", "R-1"]),
    "cents": st.integers(-1, 2_000),
    "currency": st.sampled_from(["USD", "EUR"]),
    "occurred_at": st.datetimes().map(lambda when: f"{when.isoformat()}Z") | st.just("2026-03-02T11:30:00Z"),
    "account": st.sampled_from(["rider-7", "nobody"]),
    "member_number": st.from_regex(r"^[0-9]{10}\Z"),
}


@st.composite
def bodies(draw):
    """Draw bodies from nearly right to anything at all."""
    if draw(st.integers(0, 4)) == 0:
        return draw(JSON)
    wanted = draw(st.sampled_from(["PurchaseReport", "RefundReport", "InvitationWanted"]))
    schema = document()["components"]["schemas"][wanted]
    body = {name: draw(LIKELY[name]) for name in schema["properties"] if draw(st.integers(0, 6))}
    if draw(st.integers(0, 5)) == 0:
        body[draw(st.sampled_from(NAMES) | st.text(max_size=5))] = draw(JSON)
    return body


@settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(path=st.sampled_from(PATHS), body=bodies(), key=st.sampled_from(["k1", "k2", "", "a b"]), own=st.booleans())
def test_every_answer_is_one_that_the_document_describes(program, path, body, key, own):
    if own and isinstance(body, dict) and "member_number" in body:
        body |= {"member_number": program.number, "occurred_at": "2026-03-02T11:30:00Z", "currency": "USD"}
        body.pop("account", None)
    answer = program.post(path, body, raw=json.dumps(body, allow_nan=False).encode() if finite(body) else b"NaN",
                          headers={"Idempotency-Key": key})  # fmt: skip
    answers = document()["paths"][f"/api/v1/{path}"]["post"]["responses"]

    told = answers[str(answer.status_code)]
    (kind,) = told["content"]
    assert answer.content_type == kind
    name = told["content"][kind]["schema"]["$ref"].rpartition("/")[2]
    said = msgspec.json.decode(answer.data, type=getattr(messages, name))
    assert set(answer.json) <= set(document()["components"]["schemas"][name]["properties"])
    if answer.status_code != 201:
        assert said.status == answer.status_code


def finite(body) -> bool:
    try:
        json.dumps(body, allow_nan=False)
    except ValueError:
        return False
    return True


def test_what_the_document_calls_right_is_accepted(program, described):
    examples = {
        name: schema["examples"][0]
        for name, schema in described["components"]["schemas"]["PurchaseReport"]["properties"].items()
        if name not in ("account", "member_number", "occurred_at")
    }
    assert program.post("purchases", program.buy() | examples).status_code == 201
