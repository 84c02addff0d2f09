"""A server on this machine that answers as a model's endpoint would, and misbehaves as told."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from session_tui.compaction.summarizers.instructions import Prompt
from session_tui.compaction.summarizers.openai import openai
from session_tui.compaction.summarizers.remote import Remote
from session_tui.compaction.summarizers.retrying import Retries
from session_tui.compaction.summarizers.waiting import Limits

SOON = Retries(attempts=3, first=0.01, longest=0.02)
PATIENT = Limits(silence=30, whole=60)
QUESTION = Prompt("Summarize.", "<conversation>\nhello\n</conversation>", 200)
Reply = Callable[["Handler"], None]


class Handler(http.server.BaseHTTPRequestHandler):
    """Keeps each request and answers with the next scripted reply."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append(Asked(self.path, dict(self.headers), json.loads(body)))
        self.close_connection = True
        self.server.replies.pop(0)(self)

    def begin(
        self, status: int = 200, kind: str = "text/event-stream", headers: Mapping[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Connection": "close", **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()

    def say(self, text: str) -> None:
        self.wfile.write(text.encode())
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clean."""


@dataclass
class Asked:
    path: str
    headers: dict[str, str]
    body: dict[str, object]

    @property
    def messages(self) -> list[dict[str, str]]:
        messages = self.body["messages"]
        assert isinstance(messages, list)
        return messages


@dataclass
class Server(http.server.ThreadingHTTPServer):
    """Answers with ``replies`` in turn; ``hold`` is what a stalling reply waits for."""

    replies: list[Reply] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    hold: threading.Event = field(default_factory=threading.Event)
    hung_up: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.daemon_threads = False
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def will(self, *replies: Reply) -> None:
        self.replies.extend(replies)


@contextmanager
def running() -> Iterator[Server]:
    """A server that answers until the block ends; whatever still stalls then is let go."""
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.hold.set()
        server.shutdown()
        server.server_close()
        thread.join()


PROXIES = tuple(case(name) for name in ("http_proxy", "https_proxy", "all_proxy") for case in (str.lower, str.upper))


# ── what the server does ──────────────────────────────────────────────────────────────────────────────


def chunk(text: str = "", *, finish: str | None = None) -> str:
    delta = {"content": text} if text else {}
    return f"data: {json.dumps({'choices': [{'index': 0, 'delta': delta, 'finish_reason': finish}]})}\n\n"


def streams(*texts: str, end: str = "data: [DONE]\n\n") -> Reply:
    def reply(handler: Handler) -> None:
        handler.begin()
        handler.say(": connected\n\n")
        for text in texts:
            handler.say(chunk(text))
        handler.say(end)

    return reply


def refuses(status: int, body: str = '{"error": {"message": "no"}}', headers: Mapping[str, str] | None = None) -> Reply:
    def reply(handler: Handler) -> None:
        handler.begin(status, "application/json", headers)
        handler.say(body)

    return reply


def sends(body: str, kind: str) -> Reply:
    def reply(handler: Handler) -> None:
        handler.begin(200, kind)
        handler.say(body)

    return reply


def breaks_off(handler: Handler) -> None:
    handler.begin()
    handler.say(chunk("The garden"))


def drops(handler: Handler) -> None:
    """Close the connection without a word."""
    handler.connection.close()


def stalls(handler: Handler) -> None:
    """Say nothing at all, not even headers, until the test is over or the other side hangs up."""
    _wait(handler)


def stalls_midway(handler: Handler) -> None:
    handler.begin()
    handler.say(chunk("The garden"))
    _wait(handler)


def _wait(handler: Handler) -> None:
    handler.connection.settimeout(0.02)
    while not handler.server.hold.is_set():
        try:
            if not handler.connection.recv(1):
                handler.server.hung_up.set()
                return
        except TimeoutError:
            continue


def gpt(server: Server, *, limits: Limits = PATIENT) -> Remote:
    return openai(model="m-1", key="sk-test", base_url=server.url, window=8_000, limits=limits, retries=SOON)
