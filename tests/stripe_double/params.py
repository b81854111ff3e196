"""What may be sent: parameters are read as Stripe reads them and checked against the types its package ships."""

import re
from collections.abc import Iterable
from functools import cache
from types import UnionType
from typing import Any, Literal, NotRequired, Required, Union, get_args, get_origin, get_type_hints

from stripe import RequestOptions
from stripe.params import (
    BalanceTransactionListParams,
    EventListParams,
    PaymentIntentCreateParams,
    RefundCreateParams,
    RefundRetrieveParams,
)
from stripe.params.checkout import SessionCreateParams, SessionExpireParams, SessionRetrieveParams

from .books import Fault

TYPES: dict[str, Any] = {
    "create_session": SessionCreateParams,
    "retrieve_session": SessionRetrieveParams,
    "expire_session": SessionExpireParams,
    "create_intent": PaymentIntentCreateParams,
    "create_refund": RefundCreateParams,
    "retrieve_refund": RefundRetrieveParams,
    "list_events": EventListParams,
    "list_balance_transactions": BalanceTransactionListParams,
}
CURRENCIES = {"usd", "eur", "gbp", "cny", "chf", "aud", "cad"}
OPTIONS = set(RequestOptions.__annotations__)


def read(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Turn `line_items[0][quantity]=1` into nested dicts and lists."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        path = re.findall(r"[^\[\]]+", name)
        place = found
        for part in path[:-1]:
            place = place.setdefault(part, {})
            if not isinstance(place, dict):
                raise Fault(400, "invalid_request_error", f"Invalid {name}", param=name)
        place[path[-1]] = value
    return _lists_where_numbered(found)


def check(operation: str, params: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters with their types, or raise what Stripe would answer."""
    return _dict(TYPES[operation], params, "", top=True)


def _lists_where_numbered(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {name: _lists_where_numbered(item) for name, item in value.items()}
    if inner and all(name.isdigit() for name in inner):
        return [inner[name] for name in sorted(inner, key=int)]
    return inner


def _dict(typed: Any, params: Any, path: str, *, top: bool = False) -> dict[str, Any]:
    if not isinstance(params, dict):
        raise _invalid(path, "Invalid object")
    known = _known(typed, top=top)
    for name in params:
        if name not in known:
            raise _invalid(_join(path, name), "Received unknown parameter")
    for name, kind in known.items():
        optional = get_origin(kind) is NotRequired or name not in typed.__required_keys__
        if name not in params and not optional:
            raise _invalid(_join(path, name), "Missing required param")
    return {name: _value(known[name], item, _join(path, name)) for name, item in params.items()}


@cache
def _known(typed: Any, *, top: bool) -> dict[str, Any]:
    """Return the parameters of a type, and what each may be. Options of the request are no parameters."""
    own = {name: kind for name, kind in typed.__annotations__.items() if not (top and name in OPTIONS)}
    return get_type_hints(
        type("Own", (), {"__annotations__": own, "__module__": typed.__module__}), include_extras=True
    )


def _value(kind: Any, value: Any, path: str) -> Any:
    origin = get_origin(kind)
    if origin in (NotRequired, Required):
        return _value(get_args(kind)[0], value, path)
    if origin in (Union, UnionType):
        return _one_of(get_args(kind), value, path)
    if origin is Literal:
        if value not in get_args(kind):
            raise _invalid(path, "Invalid value")
        return value
    if origin is list:
        items = value if isinstance(value, list) else [value]
        return [_value(get_args(kind)[0], item, f"{path}[{number}]") for number, item in enumerate(items)]
    if origin is dict:
        return _metadata(value, path)
    if hasattr(kind, "__required_keys__"):
        return _dict(kind, value, path)
    return _plain(kind, value, path)


def _one_of(kinds: tuple[Any, ...], value: Any, path: str) -> Any:
    # An object as answered may be sent back; sent from here it is the same as a dict.
    kinds = tuple(kind for kind in kinds if "UntypedStripeObject" not in str(kind))
    listed = [kind for kind in kinds if get_origin(kind) is Literal and get_args(kind) != ("",)]
    # The types leave enumerations open, "for what may come"; the API does not.
    for kind in listed or kinds:
        try:
            return _value(kind, value, path)
        except Fault as fault:
            last = fault
    raise last


def _plain(kind: Any, value: Any, path: str) -> Any:
    if not isinstance(value, str):
        raise _invalid(path, "Invalid value")
    if kind is int:
        if not re.fullmatch(r"-?\d+", value):
            raise _invalid(path, "Invalid integer")
        return int(value)
    if kind is bool:
        if value not in ("true", "false"):
            raise _invalid(path, "Invalid boolean")
        return value == "true"
    if path.rpartition("[")[2].rstrip("]") == "currency" and value not in CURRENCIES:
        raise _invalid(path, f"Invalid currency: {value}")
    return value


def _metadata(value: Any, path: str) -> dict[str, str]:
    if not isinstance(value, dict) or len(value) > 50:
        raise _invalid(path, "Invalid metadata")
    for name, item in value.items():
        if len(name) > 40 or not isinstance(item, str) or len(item) > 500:
            raise _invalid(path, "Metadata keys are at most 40 characters, values 500")
    return value


def _join(path: str, name: str) -> str:
    return f"{path}[{name}]" if path else name


def _invalid(path: str, words: str) -> Fault:
    return Fault(400, "invalid_request_error", f"{words}: {path}", param=path, code="parameter_invalid")
