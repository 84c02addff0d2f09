"""Conversations and checkpoints for tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from session_tui.checkpoint import exporting
from session_tui.checkpoint.exporting import Format
from session_tui.model import (
    Attachment,
    ContextItem,
    Cost,
    Health,
    Image,
    Message,
    MetricRecord,
    Problem,
    ReadFile,
    RedactedThinking,
    Role,
    Scope,
    Session,
    SessionKey,
    SessionKind,
    SessionState,
    Summary,
    Text,
    Thinking,
    TitleSource,
    TokenSource,
    ToolCall,
    ToolResult,
    Transcript,
    TunnelEvent,
    Usage,
    UsageRecord,
)

NOON = datetime(2026, 6, 1, 12, 0, 0, 123456, tzinfo=UTC)
PIXEL = b"\x89PNG not quite"


def rich() -> Transcript:
    """A conversation with a value in every field."""
    session = Session(
        key=SessionKey("orchard", "o-1", "/data/orchard"),
        title="Graft <the> pear & plum",
        title_source=TitleSource.CUSTOM,
        first_prompt="When do I graft?",
        project="/home/ana/orchard",
        git_branch="spring",
        model="root-7",
        provider="soil",
        skill="pruning",
        state=SessionState.IDLE,
        kind=SessionKind.FORK,
        parent="o-0",
        scope=Scope("gardener", "shed", "ana", "t1"),
        created_at=NOON,
        updated_at=NOON.replace(hour=14),
        last_active_at=NOON.replace(hour=13),
        compacted_at=NOON,
        message_count=6,
        archived_count=2,
        token_count=420,
        token_source=TokenSource.RECORDED,
        token_usage=Usage(1, 2, 3, 4, 5),
        context_window=8000,
        max_tokens=8000,
        compaction_count=1,
        summary="Grafting was discussed.",
        summary_message_id="s1",
        tags=("fruit", "no"),
        pinned=True,
        metadata={"plot": {"rows": [1, 2.5, None, True, "12:30:45", "1e5", "yes"]}},
        custom_data={"mood": "😀"},
        size_bytes=99,
        path="/data/orchard/o-1",
        live=False,
        health=Health.PARTIAL,
        problems=(Problem("/data/orchard/o-1", "a torn line", "nothing to do", 7),),
        extra={"seed": "x"},
    )
    return Transcript(
        session=session,
        messages=rich_messages(),
        summaries=(Summary(id="s1", content="Grafting was discussed.", original_ids=("m1", "m2"), compacted_at=NOON),),
        context=(ContextItem("query", "season", "spring"), ContextItem("project_instructions", "", "Be kind.")),
        files_read=(ReadFile("/home/ana/orchard/plan.txt", NOON),),
        tunnel_events=(TunnelEvent("e1", "leaf", "stream", {"n": 1}),),
        costs=(Cost({"usd": 0.5}, 0.5),),
        usage=(UsageRecord(Usage(7, 8), NOON, 2, "root-7", "soil"),),
        metrics=(MetricRecord("tool", NOON, 1, {"ns": 12}),),
        unknown_records={"weather": 3},
    )


def rich_messages() -> tuple[Message, ...]:
    picture = Image("image/png", len(PIXEL), lambda: PIXEL)
    return (
        Message(id="m1", role=Role.USER, blocks=(Text("When do I graft?"), picture), created_at=NOON, archived=True),
        Message(
            id="m2",
            role=Role.ASSISTANT,
            blocks=(
                Thinking("hm\n  \ttwo", "sig", {"k": 1}),
                RedactedThinking("zzz"),
                ToolCall("c1", "almanac", {"q": ["<b>", None]}),
                ToolCall("c2", "almanac", "not json"),
            ),
            created_at=NOON,
            model="root-7",
            archived=True,
        ),
        Message(id="s1", role=Role.SYSTEM, blocks=(Text("Grafting was discussed."),), is_summary=True),
        Message(
            id="m3",
            role=Role.TOOL,
            blocks=(ToolResult("c1", "almanac", "in\tMarch\r\n", is_error=True, images=(picture,)),),
            extra={"took": 3},
        ),
        Message(id="m4", role=Role.ASSISTANT, blocks=(Text("In March.\n\n- whip\n- cleft\n"), Text(" \n"))),
        Message(
            id="m5",
            role=Role.USER,
            blocks=(Attachment("plan.txt", "text/plain", "file:///plan.txt", 12), Text("nul \0 \x85\u2028 end")),
            is_meta=True,
            lossy=True,
        ),
    )


def exported(transcript: Transcript, format: Format = Format.JSON, **more: bool) -> str:
    return exporting.text_of(transcript, format, at=NOON, by="ana", **more)


def sound() -> dict[str, Any]:
    """A checkpoint as another program writes it."""
    said = "2026-03-01T10:00:00.123456789-05:00"
    return {
        "version": "1.0",
        "exported_at": said,
        "session": {
            "name": "kettle",
            "provider": "tin",
            "model": "copper-2",
            "project_path": "/home/ana/kettle",
            "created_at": said,
            "updated_at": said,
            "metadata": {"litres": 2},
        },
        "messages": [
            {"role": "user", "content": "Why does it <whistle> & hum?", "created_at": said},
            {"role": "assistant", "content": "", "created_at": said, "archived": True},
        ],
        "context": {"project_instructions": "Descale.", "files_accessed": ["a.md"], "working_directory": "/src"},
        "statistics": {"message_count": 2, "user_messages": 9, "assistant_messages": 9},
        "later_field": [1],
    }
