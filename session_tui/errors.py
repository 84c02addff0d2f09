"""Every error this package raises, in one tree.

    SessionTuiError
    ├── UsageError            the request itself is wrong                       exit 2
    │   ├── UnknownSession    no session has that id, prefix or title
    │   ├── AmbiguousRef      several sessions answer to it
    │   ├── UnknownStore      no adapter has that name
    │   └── ConfigError       the configuration cannot be used
    ├── StoreError            a store cannot be read or written                 exit 1
    │   ├── StoreMissing      nothing is there
    │   ├── StoreDamaged      something is there, but not what it should be
    │   ├── StoreLocked       another program holds it
    │   └── StoreReadOnly     it may not be written
    ├── AdapterError          an adapter broke its contract                     exit 1
    ├── LaunchError           the agent could not be started                    exit 1
    ├── CheckpointError       a document is no checkpoint to import          exit 1
    ├── SummaryError          a summarizer gave no usable answer                exit 1
    └── Cancelled             the person asked for the work to stop             exit 1

A message says what happened and where; ``hint`` says what to do about it.
A request that is sound but cannot be granted now is not an error but a `Refusal` (see `session_tui.model`).
"""

from __future__ import annotations


class SessionTuiError(Exception):
    """Base of all errors that are shown to a person as one line instead of a traceback."""

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.what} ({self.where})" if self.where else self.what


class UsageError(SessionTuiError):
    """The request itself is wrong; nothing was tried."""

    exit_code = 2


class UnknownSession(UsageError):
    """No session has that id, prefix or title."""


class AmbiguousRef(UsageError):
    """Several sessions answer to the given reference; ``candidates`` holds their refs."""

    def __init__(self, what: str, *, candidates: tuple[str, ...], hint: str = "") -> None:
        super().__init__(what, hint=hint)
        self.candidates = candidates


class UnknownStore(UsageError):
    """No adapter has that name."""


class ConfigError(UsageError):
    """The configuration cannot be used."""


class StoreError(SessionTuiError):
    """A store cannot be read or written."""


class StoreMissing(StoreError):
    """Nothing is at the given place."""


class StoreDamaged(StoreError):
    """Something is there, but it is not what this kind of store holds."""


class StoreLocked(StoreError):
    """Another program holds the store and did not let go in time."""


class StoreReadOnly(StoreError):
    """The store may be read but not written."""


class AdapterError(SessionTuiError):
    """An adapter broke its contract; other adapters are not affected."""


class LaunchError(SessionTuiError):
    """The agent's program could not be started."""


class CheckpointError(SessionTuiError):
    """A document is no checkpoint, or not one that can be imported."""


class SummaryError(SessionTuiError):
    """A summarizer gave no usable answer: it could not be reached, refused, or wrote nothing of use."""


class Cancelled(SessionTuiError):
    """The work was stopped on request; what was done so far is whole."""

    def __init__(self, what: str = "cancelled") -> None:
        super().__init__(what)
