"""Visitors: a small HTTP client that keeps its connections, run as a process of its own beside the server.

`python -m benchmarks.visitors` reads a plan from standard input and prints what came of it, both as JSON. It speaks
to this machine only, for as many seconds as the plan says.
"""

import json
import re
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

# Connections are made anew now and then, so that the server's processes share them evenly.
REQUESTS_A_CONNECTION = 50
PATIENCE_SECONDS = 30
INPUT = re.compile(r"<input\b[^>]*>")
ATTRIBUTE = re.compile(r'([a-z-]+)="([^"]*)"')


@dataclass(frozen=True)
class Answer:
    """An answer: its status, its headers by lower-case name, its text."""

    status: int
    headers: dict[str, str]
    text: str


@dataclass
class Browser:
    """One visitor: a connection, cookies, and nothing else."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)
    _socket: socket.socket | None = None
    _sent: int = 0

    def get(self, path: str) -> Answer:
        """Fetch a page."""
        return self._ask("GET", path, b"")

    def post(self, path: str, values: dict[str, str]) -> Answer:
        """Send a form."""
        return self._ask("POST", path, urlencode(values).encode())

    def sign_in(self, email: str, password: str) -> None:
        """Sign in as a member by the form."""
        values = inputs_of(self.get("/sign-in").text, form='action="/sign-in"')
        answer = self.post("/sign-in", values | {"email": email, "password": password})
        expect(answer, 302, 303)

    def close(self) -> None:
        """Hang up."""
        if self._socket:
            self._socket.close()
        self._socket = None

    def _ask(self, method: str, path: str, body: bytes) -> Answer:
        if self._socket is None or self._sent >= REQUESTS_A_CONNECTION:
            self.close()
            self._socket = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_SECONDS)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sent = 0
        self._sent += 1
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}"]
        if self.cookies:
            lines.append("Cookie: " + "; ".join(f"{name}={value}" for name, value in self.cookies.items()))
        if method == "POST":
            lines += ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}"]
        self._socket.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        return self._read()

    def _read(self) -> Answer:
        assert self._socket is not None
        data = bytearray()
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self._more()
        head = data[:end].decode("latin-1").split("\r\n")
        headers: dict[str, str] = {}
        for line in head[1:]:
            name, _, value = line.partition(":")
            if name.lower() == "set-cookie":
                cookie, _, rest = value.strip().partition("=")
                self.cookies[cookie] = rest.partition(";")[0]
            headers[name.lower()] = value.strip()
        length = int(headers.get("content-length", "0"))
        body = data[end + 4 :]
        while len(body) < length:
            body += self._more()
        if headers.get("connection", "").lower() == "close":
            self.close()
        return Answer(int(head[0].split()[1]), headers, body.decode("utf-8"))

    def _more(self) -> bytes:
        assert self._socket is not None
        if not (more := self._socket.recv(262_144)):
            raise ConnectionError("the server hung up")
        return more


def inputs_of(page: str, *, form: str) -> dict[str, str]:
    """Return what a form of a page would send as it stands: hidden fields and what is checked, by name."""
    begin = page.index(form)
    values: dict[str, str] = {}
    for tag in INPUT.findall(page, begin, page.index("</form>", begin)):
        given = dict(ATTRIBUTE.findall(tag))
        if given.get("type") in ("radio", "checkbox") and "checked" not in tag:
            continue
        if "name" in given and "value" in given:
            values[given["name"]] = given["value"]
    return values


def expect(answer: Answer, *statuses: int) -> Answer:
    """Return the answer if it is what was expected. Raises RuntimeError."""
    if answer.status not in statuses:
        raise RuntimeError(f"answered {answer.status}: {answer.text[:1_500]}")
    return answer


def together(count: int, visit: Callable[[int, list[float]], None]) -> dict[str, Any]:
    """Run as many visitors side by side; each notes seconds. Returns the count, the seconds it took, and the notes."""
    notes: list[list[float]] = [[] for _ in range(count)]
    faults: list[BaseException] = []

    def run(number: int) -> None:
        try:
            visit(number, notes[number])
        except BaseException as fault:  # noqa: BLE001 - carried over to the caller below.
            faults.append(fault)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - started
    if faults:
        raise faults[0]
    noted = [each for note in notes for each in note]
    return {"count": len(noted), "seconds": seconds, "noted": noted}


def fetch(plan: dict[str, Any]) -> dict[str, Any]:
    """Fetch the plan's pages in turn, again and again, until its seconds are over."""
    browsers = [_browser(plan, number) for number in range(plan["visitors"])]
    until = time.perf_counter() + plan["seconds"]

    def visit(number: int, noted: list[float]) -> None:
        browser, paths = browsers[number], plan["paths"]
        while (began := time.perf_counter()) < until:
            expect(browser.get(paths[(len(noted) + number) % len(paths)]), 200)
            noted.append(time.perf_counter() - began)
        browser.close()

    return together(len(browsers), visit)


def order(plan: dict[str, Any]) -> dict[str, Any]:
    """Let members order, one after the other, until the seconds are over: put in the basket, look, place.

    Only the placing is noted; the count over the seconds has all three requests in it.
    """
    browsers = [_browser(plan, number) for number in range(plan["visitors"])]
    until = time.perf_counter() + plan["seconds"]

    def visit(number: int, noted: list[float]) -> None:
        browser, items = browsers[number], plan["items"]
        token = inputs_of(browser.get(items[number % len(items)]["page"]).text, form='id="buy-form"')["csrf_token"]
        while time.perf_counter() < until:
            item = items[(number * 7 + len(noted)) % len(items)]
            expect(browser.post("/basket", item["form"] | {"csrf_token": token, "quantity": "1"}), 303)
            values = inputs_of(expect(browser.get("/checkout"), 200).text, form='id="order"')
            token = values["csrf_token"]
            began = time.perf_counter()
            expect(browser.post("/checkout", values), 303)
            noted.append(time.perf_counter() - began)
        browser.close()

    return together(len(browsers), visit)


def _browser(plan: dict[str, Any], number: int) -> Browser:
    browser = Browser(plan["port"])
    if members := plan.get("members"):
        browser.sign_in(members[number % len(members)], plan["password"])
    return browser


PLANS = {"fetch": fetch, "order": order}

if __name__ == "__main__":
    asked = json.load(sys.stdin)
    print(json.dumps(PLANS[asked["do"]](asked)))
