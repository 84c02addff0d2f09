"""Files and commands out of tool calls, whatever the tools and their inputs are called."""

from __future__ import annotations

import pytest

from session_tui.compaction.masking import mask
from session_tui.compaction.summarizers.deeds import Deed, Kind, deeds
from session_tui.compaction.summarizers.digest import Digest, Section, fact_lines, parse, render
from session_tui.compaction.summarizers.facts import Command, Facts, gather, telling_line
from session_tui.compaction.summarizers.language import language, languages
from session_tui.model import Message, Role, ToolCall, ToolResult
from session_tui.progress import Progress
from session_tui.tokens import estimate

PATCH = """*** Begin Patch
*** Add File: beds/north.md
+ferns
*** Update File: beds/south.md
*** Move to: beds/west.md
*** Delete File: beds/old.md
*** End Patch"""
DIFF = "--- a/beds/north.md\n+++ b/beds/north.md\n@@ -1 +1 @@\n-a\n+b\n--- a/gone\n+++ /dev/null\n"


@pytest.mark.parametrize(
    ("name", "value", "done"),
    [
        ("write_file", {"path": "a.md", "content": "x"}, [("write", "a.md")]),
        ("Write", {"file_path": "/w/a.md", "content": "x"}, [("write", "/w/a.md")]),
        ("Edit", {"file_path": "a.md", "old_string": "x", "new_string": "y"}, [("write", "a.md")]),
        ("MultiEdit", {"file_path": "a.md", "edits": [{"old_string": "x"}]}, [("write", "a.md")]),
        ("StrReplace", {"path": "a.md", "old": "x", "new": "y"}, [("write", "a.md")]),
        ("search_replace", {"targetFile": "a.md"}, [("write", "a.md")]),
        ("NotebookEdit", {"notebook_path": "a.ipynb", "new_source": "x"}, [("write", "a.ipynb")]),
        ("create_file", {"filePath": "a.md"}, [("write", "a.md")]),
        ("delete_file", {"target_file": "a.md"}, [("write", "a.md")]),
        ("fs", {"op": "write", "path": "a.md"}, [("write", "a.md")]),
        ("fs", {"operation": "read", "path": "a.md"}, [("read", "a.md")]),
        ("editor", {"path": "a.md", "file_text": "x"}, [("write", "a.md")]),
        ("batch_edit", {"edits": [{"path": "a.md"}, {"path": "b.md"}]}, [("write", "a.md"), ("write", "b.md")]),
        ("workspace", {"changes": {"a.md": {}, "b.md": {}}}, [("write", "a.md"), ("write", "b.md")]),
        ("read_file", {"path": "a.md"}, [("read", "a.md")]),
        ("Read", {"file_path": "a.md", "limit": 20}, [("read", "a.md")]),
        ("view_file", {"AbsolutePath": "/w/a.md"}, [("read", "/w/a.md")]),
        ("read_many_files", {"paths": ["a.md", "b.md"]}, [("read", "a.md"), ("read", "b.md")]),
        ("mcp__files__read_text_file", {"path": "a.md"}, [("read", "a.md")]),
        ("open_file", {"uri": "file:///w/a.md"}, [("read", "/w/a.md")]),
        ("read_file", '{"path": "a.md"}', [("read", "a.md")]),
        ("str_replace_based_edit_tool", {"command": "view", "path": "a.md"}, [("read", "a.md")]),
        ("str_replace_based_edit_tool", {"command": "create", "path": "a.md"}, [("write", "a.md")]),
        ("bash", {"command": "make  test"}, [("run", "make test")]),
        ("Bash", '{"command": "make test", "description": "tests"}', [("run", "make test")]),
        ("run_terminal_cmd", {"command": "ls", "cwd": "/w"}, [("run", "ls")]),
        ("exec", {"cmd": ["git", "commit", "-m", "a b"]}, [("run", "git commit -m 'a b'")]),
        ("shell", {"command": ["bash", "-lc", "make test | tail"]}, [("run", "make test | tail")]),
        ("shell", {"command": "/bin/bash -c 'make test'"}, [("run", "make test")]),
        ("shell", {"command": "bash build.sh"}, [("run", "bash build.sh")]),
        ("developer__shell", {"command": "ls", "path": "/w"}, [("run", "ls")]),
        ("local_shell_call", {"action": {"type": "exec", "command": ["ls", "-l"]}}, [("run", "ls -l")]),
        ("execute", {"commands": ["make", "make test"]}, [("run", "make"), ("run", "make test")]),
        ("shell", "make test", [("run", "make test")]),
        ("apply_patch", PATCH, [("write", f"beds/{name}.md") for name in ("north", "south", "west", "old")]),
        ("apply_patch", {"input": PATCH}, [("write", f"beds/{name}.md") for name in ("north", "south", "west", "old")]),
        ("patch", {"diff": DIFF}, [("write", "beds/north.md")]),
        (
            "shell",
            {"command": ["bash", "-lc", f"apply_patch <<'E'\n{PATCH}\nE"]},
            [("write", f"beds/{name}.md") for name in ("north", "south", "west", "old")],
        ),
        ("grep", {"pattern": "x", "path": "src"}, []),
        ("list_directory", {"path": "src"}, []),
        ("create_directory", {"path": "src"}, []),
        ("glob", {"path": "src", "pattern": "**/*"}, []),
        ("web_fetch", {"url": "https://x.example"}, []),
        ("open_page", {"target": "https://x.example"}, []),
        ("todo_write", {"todos": [{"content": "weed"}]}, []),
        ("think", {"thought": "hm"}, []),
        ("look", None, []),
        ("look", 7, []),
        ("look", ["a", "b"], []),
        ("read_file", "{broken", [("read", "{broken")]),
        ("", {}, []),
    ],
)
def test_a_call_is_told_by_its_name_and_its_inputs(name: str, value: object, done: list[tuple[str, str]]) -> None:
    expected = [Deed(Kind(kind), target) for kind, target in done]

    assert expected == list(deeds(ToolCall("1", name, value)))


def call(id: str, name: str, **value: object) -> Message:
    return Message(id=id, role=Role.ASSISTANT, blocks=(ToolCall(id, name, value),))


def result(id: str, text: str = "ok", *, failed: bool = False) -> Message:
    return Message(id=f"r{id}", role=Role.TOOL, blocks=(ToolResult(id, "", text, is_error=failed),))


def test_facts_come_once_in_the_order_they_first_came_up() -> None:
    messages = [
        *(
            call("1", "read_file", path="b.md"),
            call("2", "read_file", path="a.md"),
            call("3", "read_file", path="b.md"),
        ),
        *(call("4", "write_file", path="z.md"), call("5", "write_file", path="a.md")),
        *(call("6", "bash", command="make"), call("7", "bash", command="ls"), call("8", "bash", command="make")),
    ]

    facts = gather(messages, Progress())

    assert (("z.md", "a.md"), ("b.md",)) == (facts.written, facts.read)
    assert (Command("make", 2), Command("ls")) == facts.commands


def test_a_failed_write_wrote_nothing_and_a_failed_command_still_ran() -> None:
    messages = [
        *(call("1", "write_file", path="a.md"), result("1", "Error: disk full", failed=True)),
        *(call("2", "bash", command="make"), result("2", "building\nmake: Error 2\n", failed=True)),
        *(call("3", "write_file", path="b.md"), result("3", "Error: busy", failed=True)),
        *(call("4", "write_file", path="b.md"), result("4")),
    ]

    facts = gather(messages, Progress())

    assert ("b.md",) == facts.written
    assert (Command("make", 1, failed=True),) == facts.commands
    assert ("Error: disk full", "make: Error 2", "Error: busy") == facts.errors


def test_a_command_that_worked_in_the_end_did_not_fail() -> None:
    messages = [
        *(call("1", "bash", command="make"), result("1", "no", failed=True)),
        *(call("2", "bash", command="make"), result("2")),
    ]

    assert (Command("make", 2),) == gather(messages, Progress()).commands


def test_the_telling_line_names_the_error() -> None:
    assert "ValueError: odd" == telling_line("Traceback\n  File x\nValueError: odd\n\nsee the log\n")
    assert "see the log" == telling_line("nothing\nsee the log\n\n")
    assert "" == telling_line("")


def test_later_facts_join_earlier_ones() -> None:
    earlier = Facts(("a.md",), ("b.md", "c.md"), (Command("make", 2),))
    later = Facts(("b.md",), ("a.md", "d.md"), (Command("ls"), Command("make", 1, failed=True)))

    joined = later.after(earlier)

    assert (("a.md", "b.md"), ("c.md", "d.md")) == (joined.written, joined.read)
    assert (Command("make", 3, failed=True), Command("ls")) == joined.commands


# ── written down and read back ────────────────────────────────────────────────────────────────────────

FACTS = Facts(
    ("a b.md", "ü.md"), ("c`d.md",), (Command("make"), Command("echo `date` (×9)", 3), Command("ls", 2, failed=True))
)


@pytest.mark.parametrize("code", list(languages()))
def test_a_digest_can_be_read_back_in_any_language(code: str) -> None:
    lines: dict[Section, tuple[str, ...]] = {
        Section.GOAL: ("Plant a hedge.",),
        Section.DECISIONS: ("Beech, because it keeps its leaves.", "Two rows."),
        Section.OPEN: ("Who waters it?",),
        Section.LATEST: ("First line\nsecond line", "Thanks"),
    }
    digest = Digest(lines | fact_lines(FACTS, 1_000))

    text = render(digest, language(code))

    back = parse(text)
    assert back is not None
    assert {section: digest[section] for section in Section} == {section: back[section] for section in Section}
    assert FACTS == back.facts


def test_text_of_another_kind_is_no_digest() -> None:
    assert parse("A pond was dug.\n\n## Pond\n- deep") is None
    assert parse("") is None


def test_prose_beside_known_sections_is_kept() -> None:
    digest = parse("A pond was dug.\n\n## Pond\n- deep\n\n## Files written\n- `pond.md`\n\n## Bees\n- many")

    assert digest is not None
    assert ("A pond was dug.", "- deep", "- many") == digest[Section.EARLIER]
    assert ("pond.md",) == digest.facts.written


def test_facts_are_bounded_and_say_what_is_left_out() -> None:
    facts = Facts(tuple(f"garden/bed-{i}.md" for i in range(500)), (), (Command("make"),))

    written = fact_lines(facts, 300)[Section.WRITTEN]

    assert 320 >= sum(estimate(line) for line in written)
    assert f"… +{501 - len(written)}" == written[0]
    assert "`garden/bed-499.md`" == written[-1]


# ── secrets ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("key sk-proj-abcdefghij0123456789 end", "key [secret] end"),
        ("ghp_abcdefghijklmnopqrstuvwxyz012345", "[secret]"),
        ("AKIAABCDEFGHIJKLMNOP", "[secret]"),
        ("xoxb-123456789012-abcdefghijkl", "[secret]"),
        ("glpat-abcdefghij0123456789", "[secret]"),
        ("a eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcdefghijk b", "a [secret] b"),
        ("curl -H 'Authorization: Bearer abcdef0123456789abcdef'", "curl -H 'Authorization: Bearer [secret]'"),
        ("git clone https://ana:hunter22@example.org/x", "git clone https://[secret]@example.org/x"),
        ("export DB_PASSWORD=hunter22 && make", "export DB_PASSWORD=[secret] && make"),
        ('{"api_key": "abc123def456"}', '{"api_key": "[secret]"}'),
        ("mysql --password hunter22 -e x", "mysql --password [secret] -e x"),
        ("curl -u ana:hunter22 x", "curl -u ana:[secret] x"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nafter",
            "[secret]\nafter",
        ),
        ("-----BEGIN PRIVATE KEY-----\nMIIE and cut", "[secret]"),
    ],
)
def test_secrets_are_masked(text: str, masked: str) -> None:
    assert masked == mask(text)


@pytest.mark.parametrize(
    "text",
    [
        "token = get_token()",
        "password: str",
        "max_tokens=4096",
        "the sk-learn-like-estimators",
        "npm run build-something-long-here",
        "API_KEY=$API_KEY make",
        "see https://example.org:8080/a@b",
        "a basic authentication-mechanism",
        "commit 1f0c2d3e4b5a69788796a5b4c3d2e1f00f1e2d3c",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert text == mask(text)


def test_masking_twice_changes_nothing() -> None:
    once = mask("export DB_PASSWORD=hunter22; token: ghp_abcdefghijklmnopqrstuvwxyz012345")

    assert once == mask(once)
