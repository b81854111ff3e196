"""Structured logs: one line an answer, each with the request id that the answer carries."""

import logging
import secrets
import sys
import time
from typing import IO

import structlog
from flask import Flask, Response, g, request
from structlog.typing import Processor

log = structlog.get_logger("mall")


def renderer(log_format: str, stream: IO[str]) -> Processor:
    """Return what makes a line of an event. Only a terminal gets colours; in a file they would be odd characters."""
    if log_format == "json":
        return structlog.processors.JSONRenderer()
    return structlog.dev.ConsoleRenderer(colors=stream.isatty())


def prepare(app: Flask) -> None:
    """Give every request an id and log every answer: path without query, status, milliseconds. Never a body."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer(app.config["LOG_FORMAT"], sys.stderr),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=not app.testing,
    )

    @app.before_request
    def start() -> None:
        g.request_id = secrets.token_hex(8)
        g.started = time.perf_counter()
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    @app.after_request
    def finish(response: Response) -> Response:
        response.headers["X-Request-Id"] = g.get("request_id", "")
        if request.endpoint != "static" and not app.testing:
            log.info(
                "answered",
                method=request.method,
                path=request.path,
                status=response.status_code,
                milliseconds=round((time.perf_counter() - g.get("started", time.perf_counter())) * 1000),
            )
        return response
