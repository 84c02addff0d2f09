"""``compact``: shows the plan, asks, then has a conversation summarised and written back."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from session_tui import documents
from session_tui.cli.context import global_options
from session_tui.cli.output import Steps, json_option, narrate, print_json, say
from session_tui.cli.sessions import opened
from session_tui.errors import SessionTuiError, UsageError
from session_tui.model import CompactPlan, CompactResult
from session_tui.progress import Progress
from session_tui.text import plural

if TYPE_CHECKING:
    from session_tui.compactions import Prepared, Target
    from session_tui.library import Library

_TARGETS = ("store", "overlay", "none")


@click.command()
@click.argument("ref")
@click.option("--dry-run", is_flag=True, help="Show the plan and change nothing.")
@click.option("--summarizer", metavar="NAME", help="Who writes: extractive, openai, anthropic, llm, command.")
@click.option("--model", metavar="M", help="The model to ask for.")
@click.option("--prompt-file", type=click.Path(path_type=Path, dir_okay=False), metavar="F", help="Ask with this text.")
@click.option("--ratio", type=float, metavar="R", help="Share of the messages to take away, the oldest first.")
@click.option("--preserve-recent", type=click.IntRange(min=0), metavar="N", help="Keep the newest N messages.")
@click.option("--to", "target", type=click.Choice(_TARGETS), help="Where the summary goes.")
@click.option("--shrink", is_flag=True, help="Move what is covered to the trash where the agent would still send it.")
@click.option("--even-if-live", is_flag=True, help="Although another program has the session open.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@global_options
def compact(
    ref: str,
    dry_run: bool,
    summarizer: str | None,
    model: str | None,
    prompt_file: Path | None,
    ratio: float | None,
    preserve_recent: int | None,
    target: str | None,
    shrink: bool,
    even_if_live: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Summarise the older messages of the session REF; whether it is due is not asked."""
    from session_tui.compactions import CompactOptions

    library = opened()
    options = CompactOptions(
        ratio=ratio,
        preserve_recent=preserve_recent,
        summarizer=summarizer,
        model=model,
        prompt=_prompt(prompt_file),
        target=cast("Target | None", target),
        even_if_live=even_if_live,
        shrink=shrink,
    )
    prepared = library.prepare_compaction(library.resolve(ref).key, options)
    entry: documents.Document = {"ref": library.ref(prepared.session), "plan": plan_document(prepared.plan)}
    if not prepared.plan:
        _nothing(prepared, entry, as_json=as_json)
    _show(prepared, as_json=as_json)
    if not dry_run:
        _demand_consent(entry, yes=yes, as_json=as_json)
        entry["result"] = asdict(_run(library, prepared))
    if as_json:
        print_json(documents.versioned({"done": [entry], "refused": []}))
    elif not dry_run:
        _tell(cast("documents.Document", entry["result"]))


def plan_document(plan: CompactPlan) -> documents.Document:
    """A plan as scripts rely on it."""
    return {
        "compact": list(plan.compact),
        "keep": list(plan.keep),
        "estimated_savings": plan.estimated_savings,
        "reason": plan.reason,
    }


def _prompt(file: Path | None) -> str:
    if file is None:
        return ""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the prompt cannot be read: {error}", where=str(file)) from error


def _nothing(prepared: Prepared, entry: documents.Document, *, as_json: bool) -> None:
    if as_json:
        print_json(documents.versioned({"done": [], "refused": [{**entry, "reason": prepared.plan.reason}]}))
    raise SessionTuiError("nothing to compact", hint=prepared.plan.reason)


def _demand_consent(entry: documents.Document, *, yes: bool, as_json: bool) -> None:
    """Go on where the person agrees.

    Raises:
        UsageError: they do not, or there is nobody to ask.
    """
    is_asked = sys.stdin.isatty() and sys.stdout.isatty()
    if yes or (is_asked and click.confirm("Compact?", default=False, err=True)):
        return
    if as_json:
        print_json(documents.versioned({"done": [], "refused": [{**entry, "reason": "not asked for with --yes"}]}))
    raise UsageError("nothing was changed", hint="add --yes to compact without being asked")


def _show(prepared: Prepared, *, as_json: bool) -> None:
    if as_json:
        return
    plan = prepared.plan
    say(f"{plan.reason}: {plural(len(plan.compact), 'message')} to summarise, {len(plan.keep)} kept")
    say(f"saves about {plan.estimated_savings:,} tokens; written by {prepared.summarizer.name}, to: {prepared.target}")
    if prepared.target == "store" and prepared.adapter.compaction_note:
        narrate(f"note: {prepared.adapter.compaction_note}")
    if prepared.refusal is not None:
        narrate(f"note: {prepared.refusal.reason}; {prepared.refusal.hint}")
    if prepared.options.shrink:
        narrate("note: the messages to summarise move to the trash, and stay there until they are restored or removed")


def _run(library: Library, prepared: Prepared) -> CompactResult:
    steps = Steps()
    try:
        compaction = prepared.run(Progress(steps))
    finally:
        steps.done()
    return library.write_compaction(prepared, compaction)


def _tell(result: documents.Document) -> None:
    say(str(result["summary"]))
    saved = f"saved {result['tokens_saved']:,} of {result['tokens_before']:,} tokens"
    narrate(f"{saved}, written to: {result['written_to']}")
    if result["note"]:
        narrate(f"note: {result['note']}")
