"""What a tool call does to files and machines, told by the tool's name and the names of its inputs.

Programs name their tools and inputs in many ways; what they mean by them differs little.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from session_tui.model import ToolCall
from session_tui.text import one_line


class Kind(StrEnum):
    """What kind of thing was done."""

    WRITE = "write"
    READ = "read"
    RUN = "run"


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing done: a file written or read by its path, or a command run by its text."""

    kind: Kind
    target: str


# Names are compared without case, underscores and dashes: `filePath` and `file_path` are `filepath`.
_PATHS = frozenset(
    (
        *("path", "filepath", "filename", "file", "absolutepath", "relativepath", "targetfile", "notebookpath", "uri"),
        *("target", "newpath", "destination", "dest", "outputpath", "paths", "files", "filepaths"),
    )
)
_NESTED = frozenset(("edits", "changes", "fileedits", "operations", "action", "arguments", "args", "input", "params"))
_COMMANDS = frozenset(("command", "cmd", "commandline", "shellcommand", "script", "commands", "bashcommand"))
_CONTENTS = frozenset(("content", "contents", "newstring", "newstr", "newtext", "filetext", "codeedit", "patch"))
_VERBS = frozenset(("op", "operation", "action", "mode", "verb", "kind", "type"))
_WRITING = frozenset(
    (
        *("write", "edit", "create", "patch", "replace", "insert", "append", "save", "update", "modify", "multiedit"),
        *("delete", "remove", "move", "rename", "apply", "overwrite", "add", "put", "touch", "codeaction", "undo"),
    )
)
_READING = frozenset(("read", "view", "cat", "open", "show", "load", "head", "tail", "get", "peek"))
_RUNNING = frozenset(("bash", "shell", "sh", "run", "exec", "execute", "terminal", "command", "cmd", "powershell"))
_LISTING = frozenset(("list", "ls", "glob", "grep", "search", "find", "tree", "watch"))
_FOLDERS = frozenset(("directory", "dir", "folder", "mkdir"))
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_PATCHED = re.compile(r"^\*\*\* (?:Add File|Update File|Delete File|Move to): (.+?)\s*$", re.MULTILINE)
_DIFFED = re.compile(r"^\+\+\+ (?:b/)?(?!/dev/null)([^\t\n]+)", re.MULTILINE)
_SHELL = re.compile(r"^(?:/\S*/)?(?:ba|z|da|k)?sh$|^(?:powershell|pwsh|cmd)(?:\.exe)?$", re.IGNORECASE)
_DEEPEST = 4


def deeds(call: ToolCall) -> Iterator[Deed]:
    """What ``call`` does, as far as its input says; a call that touches neither files nor a shell does nothing."""
    value = _decoded(call.input)
    names = _parts(call.name)
    if isinstance(value, str):
        yield from _of_text(value, names)
    elif isinstance(value, Mapping):
        yield from _of_fields(value, names, 0)


def _decoded(value: object) -> object:
    """An input that some stores keep as JSON text, decoded; other text as it is."""
    if not isinstance(value, str) or not value.lstrip().startswith(("{", "[")):
        return value
    try:
        decoded: object = json.loads(value)
    except ValueError:
        return value
    return decoded


def _parts(name: str) -> frozenset[str]:
    """The words of a tool's name without the name of its server: ``mcp__fs__write_file`` is write, file."""
    own = re.split(r"__|[./:]", name)[-1] or name
    plain = _CAMEL.sub("_", own).lower()
    return frozenset([*re.split(r"[\W_]+", plain), re.sub(r"[\W_]+", "", plain)])


def _of_text(text: str, names: frozenset[str]) -> Iterator[Deed]:
    patched = list(_patched(text))
    if patched:
        yield from patched
    elif names & _RUNNING and not names & _LISTING:
        yield from _run(text)
    elif names & (_READING | _WRITING) and "\n" not in text and text.strip():
        yield Deed(Kind.WRITE if names & _WRITING else Kind.READ, text.strip())


def _of_fields(value: Mapping[object, object], names: frozenset[str], depth: int) -> Iterator[Deed]:
    fields = {re.sub(r"[\W_]+", "", str(name)).lower(): item for name, item in value.items()}
    paths = [path for name in fields if name in _PATHS for path in _texts(fields[name])]
    commands = [command for name in fields if name in _COMMANDS for command in _each(name, fields[name])]
    verbs = _said(fields, beside_path=bool(paths)) or names
    if commands and (names & _RUNNING or not (paths and verbs & (_WRITING | _READING))):
        for command in commands:
            yield from _run(command)
    elif patched := [deed for item in fields.values() if isinstance(item, str) for deed in _patched(item)]:
        yield from patched
    else:
        kind = _kind(verbs, fields)
        if kind is not None:
            yield from (Deed(kind, path) for path in paths)
        yield from _nested(fields, names, depth)


def _each(name: str, value: object) -> list[object]:
    """The commands of one field: ``commands`` may list several, any other list is the words of one."""
    return list(value) if name == "commands" and isinstance(value, list) else [value]


def _said(fields: Mapping[str, object], *, beside_path: bool) -> frozenset[str]:
    """The verb among the inputs, which says more than the tool's name: ``{"op": "write", …}``; an editing tool
    may call it a command, a single word beside a path. Empty where there is none."""
    words = {
        word
        for name, item in fields.items()
        if (name in _VERBS or (name in _COMMANDS and beside_path)) and isinstance(item, str) and " " not in item
        for word in _parts(item)
    }
    return frozenset(words) if words & (_WRITING | _READING | _LISTING) else frozenset()


def _nested(fields: Mapping[str, object], names: frozenset[str], depth: int) -> Iterator[Deed]:
    """What stands one level deeper: a list of edits, a table of changes by path, or the call's own arguments."""
    if depth >= _DEEPEST:
        return
    for name, item in fields.items():
        if name not in _NESTED:
            continue
        if name in {"changes", "fileedits"} and isinstance(item, Mapping):
            yield from (Deed(Kind.WRITE, str(path)) for path in item)
        else:
            inner = _decoded(item)
            for entry in inner if isinstance(inner, list) else [inner]:
                if isinstance(entry, Mapping):
                    yield from _of_fields(entry, names, depth + 1)


def _kind(verbs: frozenset[str], fields: Mapping[str, object]) -> Kind | None:
    if verbs & _FOLDERS:
        return None
    if verbs & _WRITING or _CONTENTS & fields.keys():
        return Kind.WRITE
    return Kind.READ if verbs & _READING and not verbs & _LISTING else None


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str) and value.strip():
        path = value.strip().removeprefix("file://")
        if "://" not in path and "\n" not in path:
            yield path
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, Mapping):
                yield from (path for name in ("path", "file_path", "filePath") for path in _texts(item.get(name)))
            else:
                yield from _texts(item)


def _run(command: object) -> Iterator[Deed]:
    """A command given as text or as words; a shell that only carries it is left out, a patch is what it writes."""
    words = [str(word) for word in command] if isinstance(command, list) else _words(str(command))
    if len(words) >= 3 and _SHELL.match(words[0]) and re.fullmatch(r"-\w*c|/c|-Command", words[1]):
        text = words[2]
    else:
        text = shlex.join(words) if isinstance(command, list) else str(command)
    patched = list(_patched(text))
    if patched:
        yield from patched
    elif text.strip():
        yield Deed(Kind.RUN, one_line(text))


def _words(text: str) -> list[str]:
    """The words of a command line that begins with a shell's name; else nothing, it is a command as it stands."""
    if not _SHELL.match(text.split(maxsplit=1)[0] if text.split() else ""):
        return []
    try:
        return shlex.split(text)
    except ValueError:
        return []


def _patched(text: str) -> Iterator[Deed]:
    """The files that a patch in ``text`` writes."""
    if "*** Begin Patch" in text or "*** Update File" in text or "*** Add File" in text:
        yield from (Deed(Kind.WRITE, path) for path in _PATCHED.findall(text))
    elif text.startswith(("--- ", "diff --git ")):
        yield from (Deed(Kind.WRITE, path.strip()) for path in _DIFFED.findall(text))
