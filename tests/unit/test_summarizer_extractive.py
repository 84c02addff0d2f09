"""The embedded summarizer: what it keeps, what it leaves out, and that it always says the same."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from session_tui.compaction.summarizers.base import SummaryRequest
from session_tui.compaction.summarizers.digest import Section
from session_tui.compaction.summarizers.extractive import FACTS_SHARE, Extractive
from session_tui.compaction.summarizers.language import language
from session_tui.errors import Cancelled, SummaryError
from session_tui.model import Message, Role, Text, Thinking, ToolCall, ToolResult
from session_tui.progress import Progress
from session_tui.tokens import estimate
from tests.bench import summary_recall
from tests.bench.summary_recall import Planted

CHECKOUT = Path(__file__).resolve().parents[2]


PLANTED = summary_recall.load()
MANY = "We talked about the weather and the neighbours for a while. "


def user(*texts: str) -> Message:
    return Message(id=str(hash(texts)), role=Role.USER, blocks=tuple(Text(text) for text in texts))


def model(*texts: str) -> Message:
    return Message(id=str(hash(texts)), role=Role.ASSISTANT, blocks=tuple(Text(text) for text in texts))


def summarize(*messages: Message, max_tokens: int = 500, previous: tuple[str, ...] = (), spoken: str = "") -> str:
    request = SummaryRequest(messages=messages, max_tokens=max_tokens, previous=previous, language=spoken)
    return Extractive().summarize(request, Progress()).text


def section(summary: str, name: Section, code: str = "en") -> list[str]:
    """The lines below one heading."""
    _, found, rest = summary.partition(f"## {language(code).headings[name]}\n")
    return rest.partition("\n\n## ")[0].splitlines() if found else []


# ── planted facts ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.name)
def test_files_written_and_commands_run_are_all_kept(planted: Planted) -> None:
    kept = summary_recall.recall(planted, summary_recall.summarize(planted.messages))

    assert kept["written"][1] == kept["written"][0]
    assert kept["commands"][1] == kept["commands"][0]


def test_at_least_eight_of_ten_planted_decisions_are_kept() -> None:
    kept = [
        summary_recall.recall(planted, summary_recall.summarize(planted.messages))["decisions"] for planted in PLANTED
    ]

    assert len(PLANTED) >= 6
    assert 0.8 <= sum(found for found, _ in kept) / sum(planned for _, planned in kept)


def test_every_planted_conversation_is_summarized_in_its_own_language() -> None:
    headings = {
        planted.name: summary_recall.summarize(planted.messages).splitlines()[0].removeprefix("## ")
        for planted in PLANTED
    }

    assert "目标" == headings["teahouse-zh"]
    assert "目的" == headings["bookshelf-ja"]
    assert "Ziel" == headings["brewery-de"]
    assert "Objectif" == headings["orchard-fr"]
    assert "Goal" == headings["ferry-timetable"]


# ── the same text for the same messages ───────────────────────────────────────────────────────────────


def test_the_summary_does_not_depend_on_the_process() -> None:
    code = (
        "import sys; sys.path.insert(0, 'tests/bench'); import hashlib, summary_recall as bench\n"
        "texts = [bench.summarize(planted.messages) for planted in bench.load()]\n"
        "texts.append(bench.summarize(bench.long_conversation(400)))\n"
        "print(hashlib.sha256('|'.join(texts).encode()).hexdigest())"
    )

    printed = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(CHECKOUT)},
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "4242")
    }

    assert 1 == len(printed)


def test_choosing_a_summarizer_loads_nothing_of_the_network() -> None:
    code = (
        "import sys\n"
        "from session_tui.compaction.summarizers.choosing import choose, SummarizerSettings\n"
        "choose(SummarizerSettings())\n"
        "choose(SummarizerSettings(name='openai', model='m'), environ={})\n"
        "print({'httpx2', 'httpcore2', 'anyio', 'ssl'} & set(sys.modules))"
    )

    done = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True)

    assert "set()\n" == done.stdout


# ── what is kept ──────────────────────────────────────────────────────────────────────────────────────


def test_a_decision_keeps_the_reason_that_follows_it() -> None:
    summary = summarize(
        user("Where should the sheds stand?"),
        model(MANY * 3 + "We decided to build them by the fence. Because the ground is dry there, nothing rots."),
        user("Thanks."),
    )

    assert ["- We decided to build them by the fence. Because the ground is dry there, nothing rots."] == section(
        summary, Section.DECISIONS
    )


def test_what_is_undecided_is_an_open_question_and_no_decision() -> None:
    summary = summarize(
        user("Plan the orchard."),
        model("We have not decided yet whether to use apple or pear trees, since the soil test is missing."),
    )

    assert [] == section(summary, Section.DECISIONS)
    assert "whether to use apple or pear" in section(summary, Section.OPEN)[0]


def test_questions_that_were_answered_long_ago_are_not_open() -> None:
    summary = summarize(
        user("Plan the pond."),
        model("How deep should the pond be? One metre or two?"),
        *(model(f"Remark {i}: the liner is {i} mm thick and the edge is flat. {MANY}") for i in range(20)),
    )

    assert [] == section(summary, Section.OPEN)


def test_goal_and_last_requests_are_the_persons_own_words() -> None:
    last = "Now do the same\n\n- for the *south* bed\n- and the [north] one"

    summary = summarize(user("Lay out the beds, please."), model("Done with the first one."), user("Good."), user(last))

    assert ["Lay out the beds, please."] == section(summary, Section.GOAL)
    assert last in "\n".join(line.removeprefix("> ").removeprefix(">") for line in summary.splitlines())


def test_a_long_request_loses_its_middle() -> None:
    summary = summarize(user("Begin here. " + MANY * 100 + "And end here."))

    latest = " ".join(section(summary, Section.LATEST))
    assert "Begin here." in latest
    assert " […] " in latest
    assert "And end here." in latest


def test_errors_of_failed_calls_are_results() -> None:
    summary = summarize(
        user("Run it."),
        Message(id="c", role=Role.ASSISTANT, blocks=(ToolCall("c", "bash", {"command": "make"}),)),
        Message(id="r", role=Role.TOOL, blocks=(ToolResult("c", "bash", "x\nOSError: no space left", is_error=True),)),
    )

    assert ["- OSError: no space left"] == section(summary, Section.RESULTS)
    assert ["- `make` ✗"] == section(summary, Section.COMMANDS)


# ── what is left out ──────────────────────────────────────────────────────────────────────────────────


def test_injected_text_thinking_prompts_and_tool_output_stay_out() -> None:
    summary = summarize(
        Message(id="s", role=Role.SYSTEM, blocks=(Text("We decided that SYSTEM rules because it must."),)),
        user("<system-reminder>We decided on REMINDER because of rules.</system-reminder>"),
        Message(id="m", role=Role.USER, is_meta=True, blocks=(Text("We decided on META because of rules."),)),
        user("Fix the gate. <system-reminder>We decided on SLIPPED because of rules.</system-reminder>"),
        Message(id="t", role=Role.ASSISTANT, blocks=(Thinking("We decided on THOUGHT because of rules."),)),
        Message(id="r", role=Role.TOOL, blocks=(ToolResult("x", "", "We decided on OUTPUT because of rules."),)),
        model("We decided on oak for the gate because it lasts."),
    )

    assert not [word for word in ("SYSTEM", "REMINDER", "META", "SLIPPED", "THOUGHT", "OUTPUT") if word in summary]
    assert ["Fix the gate."] == section(summary, Section.GOAL)
    assert "oak" in section(summary, Section.DECISIONS)[0]


def test_secrets_stay_out_wherever_they_stand() -> None:
    secret = "sk-abcdefghijklmnop0123456789"
    summary = summarize(
        user(f"Deploy with {secret} please."),
        Message(
            id="c",
            role=Role.ASSISTANT,
            blocks=(
                Text(f"We decided to use {secret} because it works."),
                ToolCall("c", "bash", {"command": f"KEY={secret} make deploy"}),
                ToolCall("d", "write_file", {"path": f"/w/{secret}.txt"}),
            ),
        ),
        Message(id="r", role=Role.TOOL, blocks=(ToolResult("c", "", f"Error: bad {secret}", is_error=True),)),
        previous=(f"The key was {secret}.",),
    )

    assert secret not in summary
    assert 5 <= summary.count("[secret]")


def test_control_characters_stay_out() -> None:
    summary = summarize(user("Paint the \x1b[31mdoor\x1b[0m\x00 red\u202e, please."))

    assert not [char for char in "\x1b\x00\u202e" if char in summary]


def test_nothing_said_is_nothing_to_summarize() -> None:
    with pytest.raises(SummaryError, match="nothing to summarize"):
        summarize(Message(id="1", role=Role.SYSTEM, blocks=(Text("Be kind."),)))


# ── length ────────────────────────────────────────────────────────────────────────────────────────────


def busy(count: int) -> Iterable[Message]:
    for i in range(count):
        yield user(f"Request {i}: change the value of setting_{i} to {i * 7} because the tank number {i} leaks.")
        yield Message(
            id=f"a{i}",
            role=Role.ASSISTANT,
            blocks=(
                Text(
                    f"We decided on valve {i} instead of pump {i}, it turned out that tank {i} holds {i} litres. {MANY}"
                ),
                ToolCall(f"w{i}", "write_file", {"path": f"tanks/tank-{i}.yaml"}),
                ToolCall(f"c{i}", "bash", {"command": f"tanks check --number {i} --verbose"}),
            ),
        )


@pytest.mark.parametrize("limit", [100, 500, 2_000])
def test_a_summary_is_bounded(limit: int) -> None:
    summary = summarize(*busy(300), max_tokens=limit)

    verbatim = 3 * 200
    assert estimate(summary) <= limit * (1 + FACTS_SHARE) + verbatim + 150
    assert limit / 2 <= estimate(summary)


def test_a_short_conversation_gets_a_short_summary() -> None:
    short, long = summarize(*busy(3)), summarize(*busy(40))

    assert estimate(short) < estimate(long) / 2


def test_the_same_thing_said_twice_is_kept_once() -> None:
    said = "We decided to paint the fence green because it hides the moss."

    assert 1 == summarize(user("Paint it."), *(model(said) for _ in range(5))).count("green")


# ── earlier summaries ─────────────────────────────────────────────────────────────────────────────────


def test_an_earlier_summary_is_carried_forward() -> None:
    first = summarize(
        user("Build a greenhouse by the pond."),
        Message(
            id="1",
            role=Role.ASSISTANT,
            blocks=(
                Text("We decided on larch instead of spruce because it weathers well."),
                ToolCall("1", "write_file", {"path": "plans/greenhouse.svg"}),
                ToolCall("2", "bash", {"command": "cutlist plans/greenhouse.svg"}),
            ),
        ),
    )

    second = summarize(
        user("Now the shelves."), model("We decided on steel shelves because wood rots."), previous=(first,)
    )

    assert ["Build a greenhouse by the pond."] == section(second, Section.GOAL)
    assert 2 == len(section(second, Section.DECISIONS))
    assert ["- `plans/greenhouse.svg`"] == section(second, Section.WRITTEN)
    assert ["- `cutlist plans/greenhouse.svg`"] == section(second, Section.COMMANDS)
    assert ["> Now the shelves."] == section(second, Section.LATEST)


def test_compacting_again_and_again_stays_bounded() -> None:
    summary = ""
    for _ in range(12):
        summary = summarize(*busy(30), previous=(summary,) if summary else ())

    assert estimate(summary) <= 500 * (1 + FACTS_SHARE) + 750


def test_a_summary_of_another_hand_is_kept_as_text() -> None:
    summary = summarize(user("Go on."), previous=("The pond was dug in May. It is two metres deep.",))

    assert ["The pond was dug in May.", "It is two metres deep."] == section(summary, Section.EARLIER)


# ── stopping and progress ─────────────────────────────────────────────────────────────────────────────


def test_it_can_be_stopped_while_it_reads() -> None:
    progress = Progress()

    def endless() -> Iterable[Message]:
        yield from busy(100)
        progress.cancel()
        while True:
            yield user("And another thing.")

    class Stream(list[Message]):
        def __iter__(self) -> Iterator[Message]:
            return iter(endless())

    with pytest.raises(Cancelled):
        Extractive().summarize(SummaryRequest(messages=Stream()), progress)


def test_it_says_what_it_is_doing_and_hands_over_the_text() -> None:
    notes: list[str] = []
    seen: list[str] = []
    request = SummaryRequest(messages=[user("Paint the door red, please.")], on_text=seen.append)

    done = Extractive().summarize(request, Progress(lambda step: notes.append(step.note)))

    assert ["reading", "ranking"] == notes
    assert [done.text] == seen
    assert ("extractive", "", "extractive") == (done.provider, done.note, done.author)
