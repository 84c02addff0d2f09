"""Asks a model over HTTP and reads its answer as it is written (server-sent events).

`httpx2` takes some 0.1 s to import and is therefore imported by the thread that asks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from session_tui.compaction.masking import mask
from session_tui.compaction.summarizers import retrying, waiting
from session_tui.compaction.summarizers.base import Transient, WindowExceeded
from session_tui.compaction.summarizers.instructions import Prompt
from session_tui.compaction.summarizers.retrying import Retries, asked
from session_tui.compaction.summarizers.waiting import Limits, Outlet, pieces
from session_tui.errors import SummaryError
from session_tui.progress import Progress
from session_tui.text import clip, one_line

if TYPE_CHECKING:
    import httpx2

_BUSY = frozenset((408, 409, 425, 429, 500, 502, 503, 504, 529))
_TOO_LONG = frozenset((400, 413, 422))
_LARGEST = 4_000_000
"""An answer of more bytes is no summary."""
_CONNECT = 10.0
_HINTS = {
    401: "check the key in the environment variable that is configured for it",
    403: "check the key and what it may be used for",
    404: "check the base URL and the name of the model",
}


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of an answer, and whether the answer is whole with it."""

    text: str = ""
    done: bool = False


class Dialect(Protocol):
    """How one kind of endpoint is asked and how it answers."""

    def body(self, prompt: Prompt, model: str) -> dict[str, object]:
        """What is posted."""

    def piece(self, data: Mapping[str, object]) -> Piece:
        """What one event of a stream says.

        Raises:
            SummaryError: it says that something went wrong.
        """

    def whole(self, data: Mapping[str, object]) -> str:
        """The text of an answer that came in one go, empty where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """A `Backend` behind a URL."""

    name: str
    url: str
    model: str
    window: int
    dialect: Dialect
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    limits: Limits = waiting.USUAL
    retries: Retries = retrying.USUAL

    def complete(self, prompt: Prompt, progress: Progress, on_text: Callable[[str], None]) -> str:
        """The answer to ``prompt``, asked again where the other side was busy.

        Raises:
            WindowExceeded: the question is too long for the model.
            SummaryError: there is no usable answer.
            Cancelled: a stop was asked for.
        """
        return asked(lambda: self._once(prompt, progress, on_text), self.retries, progress)

    def _once(self, prompt: Prompt, progress: Progress, on_text: Callable[[str], None]) -> str:
        body = self.dialect.body(prompt, self.model)
        text = ""

        def ask(outlet: Outlet[Piece]) -> None:
            self._ask(body, outlet)

        with closing(pieces(ask, self.limits, progress)) as answer:
            for piece in answer:
                if piece.text:
                    text += piece.text
                    on_text(text)
                if piece.done:
                    return text
        raise Transient("the answer broke off", where=self.url)

    def _ask(self, body: dict[str, object], outlet: Outlet[Piece]) -> None:
        """Post ``body`` and put out the answer; runs in a thread of its own."""
        try:
            import httpx2
        except ImportError as error:
            raise SummaryError("httpx2 is not installed", hint="pip install httpx2") from error
        # Whoever waits for the pieces minds the silence; the longer timeout only ends a thread that was left.
        timeout = httpx2.Timeout(self.limits.silence + 1, connect=_CONNECT)
        headers = {"Accept": "text/event-stream", **self.headers}
        try:
            with (
                httpx2.Client(timeout=timeout) as client,
                client.stream(
                    "POST", self.url, json=body, headers=headers, extensions={"trace": _waker(outlet)}
                ) as response,
            ):
                self._check(response)
                for piece in self._pieces(response, outlet):
                    outlet.put(piece)
        except httpx2.TimeoutException as error:
            raise Transient("no answer in time", where=self.url) from error
        except httpx2.TransportError as error:
            raise Transient(f"no connection: {_brief(str(error))}", where=self.url) from error
        except (httpx2.InvalidURL, httpx2.HTTPError, UnicodeError) as error:
            raise SummaryError(_brief(str(error)), where=self.url, hint="check the base URL") from error

    def _check(self, response: httpx2.Response) -> None:
        """Raise what an answer other than 200 means."""
        status = response.status_code
        if status == 200:
            return
        said = _brief(_limited(response).decode("utf-8", "replace"))
        what = f"the server answered {status}" + (f": {said}" if said else "")
        lowered = said.lower()
        if status in _TOO_LONG and any(word in lowered for word in ("context", "too long", "too large", "maximum")):
            raise WindowExceeded(what, where=self.url, hint="choose a model with a larger window")
        if status in _BUSY:
            raise Transient(what, where=self.url, wait=_seconds(response.headers.get("retry-after", "")))
        raise SummaryError(what, where=self.url, hint=_HINTS.get(status, ""))

    def _pieces(self, response: httpx2.Response, outlet: Outlet[Piece]) -> Iterator[Piece]:
        """The pieces of the answer, streamed or not; every byte, be it a comment, is a sign of life."""
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "text/event-stream":
            for data in events(_bounded(response, lambda: outlet.put(Piece()))):
                if data == "[DONE]":
                    yield Piece(done=True)
                else:
                    yield self.dialect.piece(self._object(data))
        elif kind == "application/json":
            answer = self._object(_limited(response).decode("utf-8", "replace"))
            self.dialect.piece(answer)
            yield Piece(self.dialect.whole(answer), done=True)
        else:
            raise SummaryError(f"the server answered with {kind or 'nothing known'}", where=self.url, hint=_HINTS[404])

    def _object(self, data: str) -> Mapping[str, object]:
        try:
            value: object = json.loads(data)
        except ValueError as error:
            raise SummaryError("the server's answer is not JSON", where=self.url, hint=_HINTS[404]) from error
        if not isinstance(value, dict):
            raise SummaryError("the server's answer is no JSON object", where=self.url, hint=_HINTS[404])
        return value


def failure_in(data: Mapping[str, object]) -> None:
    """Raise what an ``error`` in an answer says, with the types that mean "busy" worth asking again."""
    error = data.get("error")
    if not error:
        return
    message = error.get("message", error) if isinstance(error, dict) else error
    kind = str(error.get("type", "")) if isinstance(error, dict) else ""
    what = f"the server answered: {_brief(str(message))}"
    if "overloaded" in kind or "rate_limit" in kind or kind == "server_error":
        raise Transient(what)
    raise SummaryError(what)


def events(chunks: Iterable[bytes]) -> Iterator[str]:
    """The data of each event of a stream; comments, names and ids are left out.

    The rules are those of the HTML standard, section "Server-sent events".
    """
    held: list[str] = []
    for line in _lines(chunks):
        if line.startswith("data:"):
            held.append(line[5:].removeprefix(" "))
        elif not line and held:
            yield "\n".join(held)
            held = []
    if held:
        yield "\n".join(held)


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).replace(b"\r\n", b"\n").split(b"\n")
        yield from (line.decode("utf-8", "replace").rstrip("\r") for line in whole)
    if rest:
        yield rest.decode("utf-8", "replace").rstrip("\r")


def _bounded(response: httpx2.Response, heard: Callable[[], None] = lambda: None) -> Iterator[bytes]:
    """The bytes of an answer as they come, up to the largest that makes sense; ``heard`` is told of each."""
    size = 0
    for chunk in response.iter_bytes():
        size += len(chunk)
        if size > _LARGEST:
            raise SummaryError(f"the answer is larger than {_LARGEST:,} bytes")
        heard()
        yield chunk


def _limited(response: httpx2.Response) -> bytes:
    return b"".join(_bounded(response))


def _waker(outlet: Outlet[Piece]) -> Callable[[str, Mapping[str, object]], None]:
    """Told of each new connection, has it shut when nobody waits any more: a blocked read then ends at once."""
    import socket

    def told(event: str, info: Mapping[str, object]) -> None:
        stream = info.get("return_value")
        if event.endswith("connect_tcp.complete") and stream is not None:
            line = stream.get_extra_info("socket") if hasattr(stream, "get_extra_info") else None
            if isinstance(line, socket.socket):
                outlet.on_abandon(lambda: _shut(line))

    def _shut(line: socket.socket) -> None:
        try:
            line.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it is closed already

    return told


def _seconds(text: str) -> float | None:
    """A ``Retry-After`` in seconds; one that names a date is left to our own pauses."""
    return float(text) if text.isdecimal() else None


def _brief(text: str) -> str:
    """What a server said, short and safe to show."""
    return clip(one_line(mask(text)), 200)
