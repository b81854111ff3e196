"""GET /api/v1/openapi.json: the OpenAPI 3.1 document, made of the same messages that requests are checked by."""

from functools import cache
from typing import Any

import msgspec
from flask import Response

from mall.domain import partners

from . import messages
from .face import CALLS, bp

SCHEMAS = "#/components/schemas/{name}"
PROBLEMS = {
    400: "The body is not JSON, or the Idempotency-Key is missing.",
    401: "The key is missing or opens nothing.",
    409: "What was sent stands against something done before.",
    413: "The body is too large.",
    415: "The body is not sent as JSON.",
    422: "The body is not as described, or a rule of the shop says no. Nothing was done.",
    429: "Too many calls; Retry-After says in how many seconds to send it again.",
    503: "The shop does not answer now. Nothing was done; send it again with the same key.",
}


@bp.get("/openapi.json")
def openapi() -> Response:
    """Show the document to whoever asks."""
    return Response(msgspec.json.encode(document()), content_type="application/json")


@cache
def document() -> dict[str, Any]:
    """Return the document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Points mall: partners",
            "version": "1",
            "description": (
                "Other shops, tills and ride apps report what members buy, and members earn points for it."
                " What is sent twice with one Idempotency-Key is done once: the answer of the first time is given"
                f" again for {partners.ANSWERS_KEPT.days} days. A refusal keeps nothing, so mend what it says and"
                f" send it again. {CALLS.tries} calls a minute are let through."
            ),
        },
        "servers": [{"url": "/"}],
        "security": [{"key": []}],
        "paths": _paths(),
        "components": _components(),
    }


def _paths() -> dict[str, Any]:
    return {
        "/api/v1/purchases": {
            "post": _act(
                "reportPurchase",
                "Report a purchase",
                messages.PurchaseReport,
                messages.PurchaseNoted,
                "Kept; so many points and growth were given.",
                once=True,
            )
        },
        "/api/v1/refunds": {
            "post": _act(
                "reportRefund",
                "Report a refund",
                messages.RefundReport,
                messages.RefundNoted,
                "Kept; so many points and growth were taken back.",
                once=True,
            )
        },
        "/api/v1/bindings": {
            "post": _act(
                "inviteMember",
                "Ask for a link to bind an account",
                messages.InvitationWanted,
                messages.InvitationMade,
                "A link to show to your customer.",
                once=False,
            )
        },
        "/api/v1/openapi.json": {
            "get": {
                "operationId": "readDocument",
                "summary": "This document",
                "security": [],
                "responses": {
                    "200": {
                        "description": "The document.",
                        "content": {"application/json": {"schema": {"type": "object"}}},
                    }
                },
            }
        },
    }


def _components() -> dict[str, Any]:
    """Return what the paths refer to: the key, a parameter, headers, and the messages as they are checked."""
    asked = (messages.PurchaseReport, messages.RefundReport, messages.InvitationWanted)
    told = (messages.PurchaseNoted, messages.RefundNoted, messages.InvitationMade, messages.Problem)
    _refs, schemas = msgspec.json.schema_components([*asked, *told], ref_template=SCHEMAS)
    schemas["PurchaseReport"]["oneOf"] = [{"required": ["member_number"]}, {"required": ["account"]}]
    return {
        "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        "parameters": {
            "IdempotencyKey": {
                "name": "Idempotency-Key",
                "in": "header",
                "required": True,
                "description": "New for each purchase or refund, the same when one is sent again.",
                "schema": {
                    "type": "string",
                    "pattern": f"^{messages.IDEMPOTENCY_KEY}{messages.TO_THE_END}",
                },
            }
        },
        "headers": {
            "Idempotent-Replayed": {
                "description": "true where this was answered before, and nothing was done now.",
                "schema": {"type": "string", "const": "true"},
            },
            "Retry-After": {"description": "Seconds.", "schema": {"type": "string", "pattern": "^[0-9]+$"}},
        },
        "schemas": schemas,
    }


def _act(name: str, summary: str, asked: type, told: type, done: str, *, once: bool) -> dict[str, Any]:
    answers: dict[str, Any] = {
        "201": {
            "description": done,
            "content": {"application/json": {"schema": _schema(told)}},
        }
    }
    if once:
        answers["201"]["headers"] = {"Idempotent-Replayed": {"$ref": "#/components/headers/Idempotent-Replayed"}}
    for status, description in PROBLEMS.items():
        answers[str(status)] = {
            "description": description,
            "content": {"application/problem+json": {"schema": _schema(messages.Problem)}},
        }
    answers["429"]["headers"] = {"Retry-After": {"$ref": "#/components/headers/Retry-After"}}
    return {
        "operationId": name,
        "summary": summary,
        **({"parameters": [{"$ref": "#/components/parameters/IdempotencyKey"}]} if once else {}),
        "requestBody": {"required": True, "content": {"application/json": {"schema": _schema(asked)}}},
        "responses": answers,
    }


def _schema(message: type) -> dict[str, str]:
    return {"$ref": SCHEMAS.format(name=message.__name__)}
