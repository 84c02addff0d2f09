"""Answers of models over HTTP, from a real server on this machine that misbehaves as told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping

import pytest

from session_tui.compaction.summarizers.anthropic import anthropic
from session_tui.compaction.summarizers.openai import chat_completions_url, openai
from session_tui.compaction.summarizers.remote import Remote, events
from session_tui.compaction.summarizers.retrying import Retries
from session_tui.compaction.summarizers.waiting import Limits
from session_tui.errors import Cancelled, SummaryError, UsageError
from session_tui.progress import Progress, Step
from tests.unit.endpoint import (
    PATIENT,
    PROXIES,
    QUESTION,
    SOON,
    Handler,
    Reply,
    Server,
    breaks_off,
    chunk,
    drops,
    gpt,
    refuses,
    running,
    sends,
    stalls,
    stalls_midway,
    streams,
)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
    with running() as server:
        yield server


def answer(server: Server, *replies: Reply, limits: Limits = PATIENT) -> str:
    server.will(*replies)
    return gpt(server, limits=limits).complete(QUESTION, Progress(), lambda _: None)


# ── streaming ─────────────────────────────────────────────────────────────────────────────────────────


def test_an_answer_arrives_as_it_is_written(server: Server) -> None:
    seen: list[str] = []
    server.will(streams("The ", "garden ", "花园"))

    text = gpt(server).complete(QUESTION, Progress(), seen.append)

    assert "The garden 花园" == text
    assert ["The ", "The garden ", "The garden 花园"] == seen


def test_the_endpoint_is_asked_as_documented(server: Server) -> None:
    answer(server, streams("ok"))

    asked = server.asked[0]
    assert "/v1/chat/completions" == asked.path
    assert "Bearer sk-test" == asked.headers["Authorization"]
    assert ("m-1", True, 1024) == (asked.body["model"], asked.body["stream"], asked.body["max_tokens"])
    assert [
        {"role": "system", "content": "Summarize."},
        {"role": "user", "content": QUESTION.text},
    ] == asked.messages


def test_no_key_sends_no_header(server: Server) -> None:
    server.will(streams("ok"))

    openai(model="m", base_url=server.url, retries=SOON).complete(QUESTION, Progress(), lambda _: None)

    assert "Authorization" not in server.asked[0].headers


def test_an_answer_that_names_its_end_needs_no_closing_mark(server: Server) -> None:
    assert "done" == answer(server, streams("done", end=chunk(finish="stop")))


def test_a_server_that_does_not_stream_is_understood(server: Server) -> None:
    body = json.dumps({"choices": [{"message": {"content": "All at once."}}]})

    assert "All at once." == answer(server, sends(body, "application/json; charset=utf-8"))


def test_reasoning_is_not_part_of_the_answer(server: Server) -> None:
    def reply(handler: Handler) -> None:
        handler.begin()
        handler.say('data: {"choices": [{"delta": {"reasoning_content": "hmm", "content": null}}]}\n\n')
        handler.say(chunk("Answer", finish="stop"))

    assert "Answer" == answer(server, reply)


def test_events_are_read_across_chunks_and_line_ends() -> None:
    chunks = [
        b"data: o",
        b"ne\r\n\r\n: note\n\nevent: x\nda",
        "ta: zwö".encode()[:-1],
        "ö".encode()[1:],
        b"\ndata:lf\n\n",
    ]

    assert ["one", "zwö\nlf"] == list(events(chunks))
    assert ["left over"] == list(events([b"data: left over"]))


# ── trouble ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 529])
def test_a_busy_server_is_asked_again(server: Server, status: int) -> None:
    assert "at last" == answer(server, refuses(status), refuses(status), streams("at last"))
    assert 3 == len(server.asked)


@pytest.mark.parametrize("trouble", [breaks_off, drops], ids=["breaks off", "drops"])
def test_a_broken_line_is_tried_again_from_the_start(server: Server, trouble: Reply) -> None:
    assert "whole" == answer(server, trouble, streams("whole"))


def test_it_is_not_asked_for_ever(server: Server) -> None:
    with pytest.raises(SummaryError, match=r"answered 503: .*no.*, 3 times"):
        answer(server, *[refuses(503)] * 5)

    assert 3 == len(server.asked)


def test_the_server_may_say_when_to_ask_again() -> None:
    retries = Retries(first=0.5, longest=20)

    assert [0.5, 1.0, 2.0, 20.0] == [retries.pause(attempt, None) for attempt in (1, 2, 3, 9)]
    assert (7.0, 20.0) == (retries.pause(1, 7.0), retries.pause(1, 900.0))


@pytest.mark.parametrize(("status", "hint"), [(401, "key"), (403, "key"), (404, "base URL"), (400, ""), (302, "")])
def test_a_refusal_is_final_and_says_what_to_check(server: Server, status: int, hint: str) -> None:
    with pytest.raises(SummaryError) as caught:
        answer(server, refuses(status, headers={"Location": "http://elsewhere.invalid"}))

    assert f"the server answered {status}" in caught.value.what
    assert hint in caught.value.hint
    assert 1 == len(server.asked)


def test_an_error_never_shows_a_key(server: Server) -> None:
    with pytest.raises(SummaryError) as caught:
        answer(server, refuses(401, "bad key sk-live-1234567890abcdef \x1b[31m<b>"))

    assert "sk-live-1234567890abcdef" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("<html>nginx</html>", "text/html"),
        ("not json", "application/json"),
        ("[1, 2]", "application/json"),
        ("data: {broken\n\n", "text/event-stream"),
        ("data: 7\n\n", "text/event-stream"),
        ('data: {"error": {"message": "model is gone"}}\n\n', "text/event-stream"),
        ('{"error": "model is gone"}', "application/json"),
        ("", ""),
    ],
)
def test_rubbish_is_an_error_and_not_a_summary(server: Server, body: str, kind: str) -> None:
    with pytest.raises(SummaryError):
        answer(server, sends(body, kind))

    assert 1 == len(server.asked)


def test_an_endless_answer_is_cut_off(server: Server) -> None:
    def floods(handler: Handler) -> None:
        handler.begin()
        try:
            for _ in range(100_000):
                handler.say("x" * 65_536)
        except OSError:
            handler.server.hung_up.set()

    with pytest.raises(SummaryError, match="larger than"):
        answer(server, floods)

    assert server.hung_up.wait(10)


def test_an_overloaded_stream_is_asked_again(server: Server) -> None:
    overloaded = 'data: {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}\n\n'

    assert "fine" == answer(server, sends(overloaded, "text/event-stream"), streams("fine"))


@pytest.mark.parametrize("stall", [stalls, stalls_midway], ids=["before headers", "midway"])
def test_a_server_that_falls_silent_is_given_up(server: Server, stall: Reply) -> None:
    with pytest.raises(SummaryError, match="no answer for 2 seconds"):
        answer(server, stall, limits=Limits(silence=2))

    assert server.hung_up.wait(10)


def test_a_server_that_never_comes_to_an_end_is_given_up(server: Server) -> None:
    def drips(handler: Handler) -> None:
        handler.begin()
        try:
            while not handler.server.hold.wait(0.02):
                handler.say(chunk("drip "))
        except OSError:
            return

    with pytest.raises(SummaryError, match=r"not finished after 0\.4 seconds"):
        answer(server, drips, limits=Limits(silence=30, whole=0.4))


def test_a_place_where_nobody_listens_is_an_error() -> None:
    nowhere = openai(model="m", base_url="http://127.0.0.1:9", retries=SOON, limits=PATIENT)

    with pytest.raises(SummaryError, match="no connection"):
        nowhere.complete(QUESTION, Progress(), lambda _: None)


@pytest.mark.parametrize("stall", [stalls, stalls_midway], ids=["before headers", "midway"])
def test_stopping_leaves_a_silent_server_at_once(server: Server, stall: Reply) -> None:
    server.will(stall)
    progress = Progress()
    done = threading.Event()
    raised: list[type[BaseException]] = []

    def work() -> None:
        try:
            gpt(server).complete(QUESTION, progress, lambda _: None)
        except Cancelled as error:
            raised.append(type(error))
        done.set()

    worker = threading.Thread(target=work)
    worker.start()
    while not server.asked:
        worker.join(0.01)
    progress.cancel()

    assert done.wait(10)  # the server stays silent for longer
    assert [Cancelled] == raised
    assert server.hung_up.wait(10)
    assert not server.hold.is_set()
    worker.join()


def test_stopping_works_during_a_pause(server: Server) -> None:
    server.will(refuses(503))
    progress = Progress()
    backend = openai(model="m", base_url=server.url, retries=Retries(attempts=2, first=600, longest=600))

    def stop(step: Step) -> None:
        progress.cancel()

    progress.report = stop
    with pytest.raises(Cancelled):
        backend.complete(QUESTION, progress, lambda _: None)


# ── the other dialect ─────────────────────────────────────────────────────────────────────────────────


def messages_api(server: Server) -> Remote:
    return anthropic(model="m-2", key="k", base_url=f"{server.url}/v1/", limits=PATIENT, retries=SOON)


def named(*events: Mapping[str, object]) -> Reply:
    return sends("".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in events), "text/event-stream")


def delta(text: str) -> dict[str, object]:
    return {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}


def test_the_messages_dialect_is_spoken(server: Server) -> None:
    seen: list[str] = []
    thought = {"type": "content_block_delta", "delta": {"type": "thinking_delta", "thinking": "hmm"}}
    server.will(
        named({"type": "message_start"}, {"type": "ping"}, thought, delta("A "), delta("b."), {"type": "message_stop"})
    )

    text = messages_api(server).complete(QUESTION, Progress(), seen.append)

    asked = server.asked[0]
    assert ("A b.", ["A ", "A b."]) == (text, seen)
    assert "/v1/messages" == asked.path
    assert ("k", "2023-06-01") == (asked.headers["x-api-key"], asked.headers["anthropic-version"])
    assert ("Summarize.", [{"role": "user", "content": QUESTION.text}]) == (asked.body["system"], asked.messages)


def test_the_messages_dialect_recovers_and_fails_like_the_other(server: Server) -> None:
    overloaded = {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}
    wrong = {"type": "error", "error": {"type": "invalid_request_error", "message": "bad model"}}
    server.will(named(delta("half")), named(overloaded), named(delta("whole"), {"type": "message_stop"}), named(wrong))

    assert "whole" == messages_api(server).complete(QUESTION, Progress(), lambda _: None)
    with pytest.raises(SummaryError, match="bad model"):
        messages_api(server).complete(QUESTION, Progress(), lambda _: None)


def test_the_messages_dialect_may_answer_at_once(server: Server) -> None:
    server.will(
        sends(json.dumps({"type": "message", "content": [{"type": "text", "text": "Whole."}]}), "application/json")
    )

    assert "Whole." == messages_api(server).complete(QUESTION, Progress(), lambda _: None)


# ── base URLs ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("http://localhost:11434", "http://localhost:11434/v1/chat/completions"),
        ("http://localhost:11434/v1/", "http://localhost:11434/v1/chat/completions"),
        ("https://router.example/api/v1", "https://router.example/api/v1/chat/completions"),
        ("https://x.example/v1/chat/completions", "https://x.example/v1/chat/completions"),
        ("https://x.example/v1?api-version=2", "https://x.example/v1/chat/completions?api-version=2"),
    ],
)
def test_base_urls_may_be_given_in_any_of_the_usual_ways(base: str, url: str) -> None:
    assert url == chat_completions_url(base)


@pytest.mark.parametrize("base", ["", "localhost:11434", "ftp://x/v1", "file:///etc/passwd"])
def test_other_urls_are_refused(base: str) -> None:
    with pytest.raises(UsageError, match="not an HTTP URL"):
        chat_completions_url(base)
