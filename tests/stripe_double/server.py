"""The double over HTTP: a WSGI application in a thread on a loopback port, and the failures it can be told to make."""

import json
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from html import escape
from typing import Any, NoReturn

from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from . import params
from .books import Books, Fault
from .hooks import Outbox, Post, by_http

SECRET = "whsec_double_0123456789abcdef"
# Failures on demand. timeout: no answer, nothing done. lost: done, and the answer lost on the way.
FAILURES = ("timeout", "lost", "500", "409", "429")


class Gate:
    """Where a call is held: `reached` when it waits there, its key taken; `opened` to let it go on."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.opened = threading.Event()


class Double:
    """A running double: its books, its outbox, and what it should do wrong next."""

    def __init__(self, *, live: bool = False, post: Post | None = None, at_once: bool = False) -> None:
        self.books = Books(live=live)
        self.outbox = Outbox(secret=SECRET, post=post, at_once=at_once)
        self.books.tell = self.outbox.tell
        self.secret = SECRET
        self.address = ""
        self.calls: Counter[str] = Counter()
        self.closing = threading.Event()
        self._failures: list[tuple[str, str]] = []
        self._answers: dict[str, tuple[bytes, int, str]] = {}
        self._in_progress: set[str] = set()
        self._gates: dict[str, Gate] = {}
        self._lock = threading.Lock()

    def fail_next(self, failure: str, *, operation: str = "", times: int = 1) -> None:
        """Make the next call, or the next of an operation, fail."""
        assert failure in FAILURES
        self._failures += [(failure, operation)] * times

    def hold_next(self, operation: str) -> "Gate":
        """Make the next call of an operation wait, its work undone, until the gate is opened."""
        gate = Gate()
        self._gates[operation] = gate
        return gate

    # WSGI

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        request = Request(environ)
        if request.path.startswith("/pay/"):
            return self._page(request)(environ, start_response)
        operation, call = self._route(request)
        self.calls[operation] += 1
        failure = self._failure_for(operation)
        if failure == "timeout":
            self.closing.wait(30)
            self._hang_up(environ)
        if failure in ("500", "409", "429"):
            answer = self._fault(Fault(int(failure), "api_error", f"told to fail with {failure}"))
            return answer(environ, start_response)
        answer = self._answer(request, operation, call)
        if failure == "lost":
            self._hang_up(environ)
        return answer(environ, start_response)

    def _route(self, request: Request) -> tuple[str, Callable[[dict[str, Any]], dict[str, Any]]]:
        books, parts = self.books, [part for part in request.path.split("/") if part]
        match (request.method, *parts):
            case ("POST", "v1", "checkout", "sessions"):
                return "create_session", lambda given: books.create_session(given, address=self.address)
            case ("GET", "v1", "checkout", "sessions", session_id):
                return "retrieve_session", lambda given: books.session(session_id, expand=given.get("expand"))
            case ("POST", "v1", "checkout", "sessions", session_id, "expire"):
                return "expire_session", lambda given: books.expire(session_id)
            case ("POST", "v1", "payment_intents"):
                return "create_intent", books.create_intent
            case ("POST", "v1", "refunds"):
                return "create_refund", books.create_refund
            case ("GET", "v1", "refunds", refund_id):
                return "retrieve_refund", lambda given: books.refund(refund_id)
            case ("GET", "v1", "disputes", dispute_id):
                return "retrieve_dispute", lambda given: books.dispute_now(dispute_id)
            case ("GET", "v1", "events"):
                return "list_events", lambda given: page_of(books.events, given, request.path)
            case ("GET", "v1", "balance_transactions"):
                return "list_balance_transactions", lambda given: takings_of(books, given, request.path)
        return "unknown", _no_such_address

    def _answer(self, request: Request, operation: str, call: Callable[[dict[str, Any]], dict[str, Any]]) -> Response:
        """Do the work once per idempotency key; the same question again gets the same answer."""
        key = request.headers.get("Idempotency-Key", "") if request.method == "POST" else ""
        asked = request.get_data() + request.path.encode()
        try:
            self._insist_on_key_of(request)
            with self._lock:
                if key and key in self._answers:
                    before, status, body = self._answers[key]
                    if before != asked:
                        raise Fault(
                            400,
                            "idempotency_error",
                            "Keys for idempotent requests can only be used with the same"
                            " parameters they were first used with.",
                        )
                    return Response(
                        body, status, content_type="application/json", headers={"Idempotent-Replayed": "true"}
                    )
                if key and key in self._in_progress:
                    raise Fault(
                        409,
                        "idempotency_error",
                        "There is currently another in-progress request using this key",
                        code="idempotency_key_in_use",
                    )
                if key:
                    self._in_progress.add(key)
            try:
                pairs = request.form.items(multi=True) if request.method == "POST" else request.args.items(multi=True)
                given = params.check(operation, params.read(pairs)) if operation in params.TYPES else {}
                if gate := self._gates.pop(operation, None):
                    gate.reached.set()
                    gate.opened.wait(30)
                body = json.dumps(call(given))
                if key:
                    self._answers[key] = (asked, 200, body)
            finally:
                self._in_progress.discard(key)
        except Fault as fault:
            return self._fault(fault)
        return Response(body, 200, content_type="application/json", headers={"Request-Id": "req_double"})

    def _insist_on_key_of(self, request: Request) -> None:
        expected = "sk_live_" if self.books.live else "sk_test_"
        if not request.headers.get("Authorization", "").startswith(f"Bearer {expected}"):
            raise Fault(401, "invalid_request_error", "Invalid API Key provided")

    def _failure_for(self, operation: str) -> str:
        for number, (failure, only) in enumerate(self._failures):
            if only in ("", operation):
                del self._failures[number]
                return failure
        return ""

    def _fault(self, fault: Fault) -> Response:
        return Response(json.dumps(fault.body), fault.status, content_type="application/json")

    def _hang_up(self, environ: dict[str, Any]) -> NoReturn:
        connection: socket.socket = environ["werkzeug.socket"]
        connection.shutdown(socket.SHUT_RDWR)
        raise ConnectionResetError("hung up, as told")

    # The hosted page

    def _page(self, request: Request) -> Response:
        session_id = request.path.rpartition("/")[2]
        try:
            session = self.books.session(session_id)
            if request.method == "POST":
                return self._pressed(session_id, request.form["do"])
        except Fault as fault:
            return Response(escape(str(fault)), fault.status, content_type="text/html")
        cancel = f'<a href="{escape(session["cancel_url"])}">Back</a>' if session["cancel_url"] else ""
        amount = f"{session['amount_total'] // 100}.{session['amount_total'] % 100:02d} {session['currency'].upper()}"
        buttons = "".join(
            f'<button name="do" value="{value}">{label}</button>'
            for value, label in (
                ("pay", f"Pay {amount}"),
                ("decline", "Use a card that is declined"),
                ("slow", "Pay by bank debit"),
            )
        )
        said = "<p role=alert>Your card was declined.</p>" if request.args.get("declined") else ""
        return Response(
            "<!doctype html><html lang=en><title>Checkout</title><link rel=icon href=data:,>"
            f"<main><h1>Pay {amount}</h1>{said}"
            f"<p>{session['status']}</p><form method=post>{buttons}</form>{cancel}</main></html>",
            content_type="text/html",
        )

    def _pressed(self, session_id: str, what: str) -> Response:
        if what == "decline":
            self.books.decline(session_id)
            return _to(f"/pay/{session_id}?declined=1")
        (self.books.pay if what == "pay" else self.books.pay_slowly)(session_id)
        return _to(self.books.sessions[session_id]["success_url"].replace("{CHECKOUT_SESSION_ID}", session_id))


def page_of(things: list[dict[str, Any]], given: dict[str, Any], path: str) -> dict[str, Any]:
    """Answer a list as the API does: newest first, by cursor."""
    created = given.get("created") or {}
    since = created.get("gte", 0) if isinstance(created, dict) else 0
    found = [
        thing
        for thing in reversed(things)
        if thing["created"] >= since and ("types" not in given or thing["type"] in given["types"])
    ]
    if "starting_after" in given:
        ids = [thing["id"] for thing in found]
        found = found[ids.index(given["starting_after"]) + 1 :]
    limit = given.get("limit", 10)
    if not 1 <= limit <= 100:
        raise Fault(400, "invalid_request_error", "limit is 1 to 100", param="limit")
    return {"object": "list", "url": path, "has_more": len(found) > limit, "data": found[:limit]}


def takings_of(books: Books, given: dict[str, Any], path: str) -> dict[str, Any]:
    """Answer a page of the books, what its lines are of whole where that is asked for."""
    page = page_of(books.takings, given, path)
    return page | {"data": [books.taking(line, expand=given.get("expand", [])) for line in page["data"]]}


def _no_such_address(_given: dict[str, Any]) -> dict[str, Any]:
    raise Fault(404, "invalid_request_error", "Unrecognized request URL")


def _to(address: str) -> Response:
    return Response("", 303, headers={"Location": address})


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: Any) -> None:
        pass


@contextmanager
def running(
    *, live: bool = False, hooks_to: str = "", post: Post | None = None, at_once: bool = False
) -> Iterator[Double]:
    """Run a double on a free loopback port until the block ends. Deliver webhooks to an address, or by `post`."""
    double = Double(live=live, post=post or (by_http(hooks_to) if hooks_to else None), at_once=at_once)
    server = make_server("127.0.0.1", 0, double, threaded=True, request_handler=_Quiet)
    double.address = f"http://127.0.0.1:{server.port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield double
    finally:
        double.closing.set()
        server.shutdown()
        thread.join(5)
        server.server_close()
        double.outbox.close()
