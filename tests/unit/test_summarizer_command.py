"""Summaries by programs the person has, run as real child processes."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import pytest

from session_tui.compaction.summarizers.base import SummaryRequest
from session_tui.compaction.summarizers.choosing import SummarizerSettings, choose
from session_tui.compaction.summarizers.command import Command
from session_tui.compaction.summarizers.instructions import Prompt
from session_tui.compaction.summarizers.llm import llm
from session_tui.compaction.summarizers.waiting import Limits
from session_tui.errors import Cancelled, SummaryError, UsageError
from session_tui.model import Message, Role, Text, ToolCall
from session_tui.progress import Progress

QUESTION = Prompt("Summarize.", "<conversation>\nWater the ferns. 浇水\n</conversation>", 200)
PATIENT = Limits(silence=30, whole=60)
TALK = (
    Message(id="1", role=Role.USER, blocks=(Text("Water the ferns."),)),
    Message(id="2", role=Role.ASSISTANT, blocks=(ToolCall("c", "bash", {"command": "make water"}),)),
)


def python(code: str, *, limits: Limits = PATIENT) -> Command:
    return Command(argv=(sys.executable, "-c", code), limits=limits)


def run(code: str, *, limits: Limits = PATIENT) -> str:
    return python(code, limits=limits).complete(QUESTION, Progress(), lambda _: None)


def test_a_program_reads_the_question_and_its_output_is_the_answer() -> None:
    assert f"{QUESTION.system}\n\n{QUESTION.text}" == run("import sys; sys.stdout.write(sys.stdin.read())")


def test_its_output_is_seen_as_it_comes() -> None:
    seen: list[str] = []
    code = (
        "import sys\nfor word in ('one ', 'two'):\n    sys.stdout.write(word); sys.stdout.flush(); sys.stdin.readline()"
    )

    text = python(code).complete(QUESTION, Progress(), seen.append)

    assert "one two" == text
    assert text == seen[-1]
    assert all(text.startswith(part) for part in seen)


def test_output_is_read_as_utf_8_even_where_a_letter_is_torn() -> None:
    code = "import os\nfor byte in '浇水'.encode() + b'\\xff':\n    os.write(1, bytes([byte]))"

    assert "浇水\ufffd" == run(code)


def test_a_program_that_does_not_read_its_input_is_fine() -> None:
    command = python("print('done')")
    long_question = Prompt("Summarize.", "word " * 200_000, 200)

    assert "done" == command.complete(long_question, Progress(), lambda _: None).strip()


def test_a_program_runs_in_an_empty_directory_that_goes_away() -> None:
    folder = run("import os; print(os.getcwd(), os.listdir('.'), sep='\\n')").splitlines()

    assert "[]" == folder[1]
    assert not Path(folder[0]).exists()


def test_a_failing_program_says_why() -> None:
    with pytest.raises(SummaryError, match=r"ended with status 3: out of ink .*\[secret\]"):
        run("import sys; sys.stderr.write('out of ink\\n key=sk-abcdefghij0123456789\\n'); sys.exit(3)")


def test_half_an_answer_of_a_failing_program_is_none() -> None:
    with pytest.raises(SummaryError, match="ended with status 1"):
        run("print('The garden'); raise SystemExit(1)")


def test_a_program_that_writes_nothing_gave_no_answer() -> None:
    with pytest.raises(SummaryError, match="wrote nothing"):
        run("pass")


def test_a_program_that_is_not_there_is_named() -> None:
    with pytest.raises(SummaryError, match="no-such-program could not be started: no such file") as caught:
        Command(argv=("no-such-program",)).complete(QUESTION, Progress(), lambda _: None)

    assert "is it installed?" == caught.value.hint


def test_a_program_that_floods_is_ended() -> None:
    with pytest.raises(SummaryError, match="wrote more than"):
        run("import sys\nwhile True: sys.stdout.write('x' * 65536)")


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def gone(*pids: int) -> bool:
    """Whether the processes end before a generous while is over."""
    tick = threading.Event()
    return any(not any(map(alive, pids)) or tick.wait(0.02) for _ in range(500))


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at /proc")


@needs_proc
@pytest.mark.parametrize("ignoring", [False, True], ids=["kindly", "by force"])
def test_stopping_ends_the_program_and_its_children(ignoring: bool) -> None:
    deaf = "signal.signal(signal.SIGTERM, signal.SIG_IGN);" if ignoring else ""
    code = (
        f"import os, signal, subprocess, sys, time; {deaf}"
        "child = subprocess.Popen(['sleep', '600']);"
        "print(os.getpid(), child.pid, flush=True); time.sleep(600)"
    )
    progress = Progress()
    pids: list[int] = []

    def heard(text: str) -> None:
        if text.endswith("\n"):
            pids.extend(map(int, text.split()))
            progress.cancel()

    with pytest.raises(Cancelled):
        python(code).complete(QUESTION, progress, heard)

    assert 2 == len(pids)
    assert gone(*pids)


@needs_proc
def test_a_silent_program_is_given_up_and_ended(tmp_path: Path) -> None:
    noted = tmp_path / "pid"
    code = f"import os, pathlib, time; pathlib.Path({str(noted)!r}).write_text(str(os.getpid())); time.sleep(600)"

    with pytest.raises(SummaryError, match="no answer for 1 seconds"):
        run(code, limits=Limits(silence=1))

    assert gone(int(noted.read_text()))


def test_a_command_from_the_configuration_writes_a_summary_with_the_facts() -> None:
    settings = SummarizerSettings(name="command", command=(sys.executable, "-c", "print('The ferns were watered.')"))

    done = choose(settings).summarize(SummaryRequest(messages=TALK), Progress())

    assert "command" == done.provider
    assert done.text.startswith("The ferns were watered.\n\n## Commands run\n- `make water`")


def test_a_failing_command_falls_back() -> None:
    settings = SummarizerSettings(name="command", command=("no-such-program",))

    done = choose(settings).summarize(SummaryRequest(messages=TALK), Progress())

    assert "extractive" == done.provider
    assert "command failed (no-such-program could not be started" in done.note


def test_an_agent_with_a_preset_is_a_command_by_its_own_name() -> None:
    presets = {"gardener": (sys.executable, "-c", "print('Watered.')")}

    done = choose(SummarizerSettings(name="gardener"), presets=presets).summarize(
        SummaryRequest(messages=TALK), Progress()
    )

    assert "gardener" == done.provider


def test_a_command_must_be_given() -> None:
    with pytest.raises(UsageError, match="has no command"):
        choose(SummarizerSettings(name="command"))


def test_llm_is_asked_without_leaving_a_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "llm"
    program.write_text(f"#!{sys.executable}\nimport sys\nprint(sys.argv[1:])\nprint(sys.stdin.read())\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    text = llm(model="mistral-7b", limits=PATIENT).complete(QUESTION, Progress(), lambda _: None)

    assert f"['prompt', '--no-log', '-m', 'mistral-7b', '--system', 'Summarize.']\n{QUESTION.text}\n" == text
