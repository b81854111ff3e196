"""The double's webhooks: signed, queued, and delivered in the order, as often and as late as a test wants."""

import json
import random
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

from stripe import WebhookSignature

# body, headers -> status
Post = Callable[[bytes, dict[str, str]], int]


def by_http(address: str) -> Post:
    """Deliver to an address over HTTP."""

    def post(body: bytes, headers: dict[str, str]) -> int:
        request = urllib.request.Request(address, body, headers, method="POST")
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    return post


class Outbox:
    """Events on their way. They wait for deliver(), or with `at_once` a thread carries each as it happens."""

    def __init__(self, *, secret: str, post: Post | None = None, at_once: bool = False) -> None:
        self.secret = secret
        self.post = post
        self.waiting: list[dict[str, Any]] = []
        self.answers: list[int] = []
        self._told = threading.Event()
        self._closing = threading.Event()
        self._carrier = threading.Thread(target=self._carry, daemon=True) if at_once else None
        if self._carrier:
            self._carrier.start()

    def tell(self, event: dict[str, Any]) -> None:
        """Take an event. Called under the lock of the books, so nothing is delivered here."""
        self.waiting.append(event)
        self._told.set()

    def close(self) -> None:
        """Stop carrying."""
        self._closing.set()
        self._told.set()
        if self._carrier:
            self._carrier.join(15)

    def _carry(self) -> None:
        while self._told.wait() and not self._closing.is_set():
            self._told.clear()
            self.deliver()

    def deliver(self) -> list[int]:
        """Deliver all that wait, in order. What is not answered with 2xx stays. Returns the answers."""
        waiting, self.waiting = self.waiting, []
        answers = [self.send(event) for event in waiting]
        self.waiting += [event for event, answer in zip(waiting, answers, strict=True) if not 200 <= answer < 300]
        return answers

    def deliver_in_disorder(self, chance: random.Random, *, drop_one_in: int = 4) -> list[int]:
        """Deliver shuffled, some twice, some never. Returns the answers."""
        waiting, self.waiting = self.waiting, []
        waiting = [event for event in waiting if chance.randrange(drop_one_in)]
        waiting += [event for event in waiting if chance.randrange(2)]
        chance.shuffle(waiting)
        return [self.send(event) for event in waiting]

    def send(self, event: dict[str, Any], *, secret: str | None = None, signed_at: int | None = None) -> int:
        """Deliver one event, by default properly signed and now. Returns the status it was answered with."""
        body = json.dumps(event)
        signature = WebhookSignature.generate_signature_header(body, secret or self.secret, signed_at)
        return self.send_raw(body.encode(), signature)

    def send_raw(self, body: bytes, signature: str | None) -> int:
        """Deliver any body under any signature."""
        assert self.post is not None, "the double was not told where to deliver"
        headers = {"Content-Type": "application/json"} | ({"Stripe-Signature": signature} if signature else {})
        status = self.post(body, headers)
        self.answers.append(status)
        return status
