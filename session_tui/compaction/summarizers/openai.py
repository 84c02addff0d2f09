"""Any endpoint that speaks the chat completions dialect, hosted or on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from session_tui.compaction.summarizers import retrying, waiting
from session_tui.compaction.summarizers.instructions import Prompt
from session_tui.compaction.summarizers.remote import Piece, Remote, failure_in
from session_tui.compaction.summarizers.retrying import Retries
from session_tui.compaction.summarizers.waiting import Limits
from session_tui.errors import UsageError

BASE_URL = "https://api.openai.com/v1"
KEY_VARIABLE = "OPENAI_API_KEY"
UNKNOWN_WINDOW = 32_000
"""Window in tokens assumed for a model nobody knows."""
LOCAL_WINDOW = 4_096
"""Window assumed for a server on this machine or network: common ones cut what is longer without a word."""
_ROOM = 4
"""An answer may be this many times longer than asked for: models that think first count that as well."""


@dataclass(frozen=True, slots=True)
class ChatCompletions:
    """``POST /chat/completions``, as documented by OpenAI and spoken by many servers."""

    limit_name: str = "max_tokens"
    """What the endpoint calls the longest answer; some of the newest models take only `max_completion_tokens`."""

    def body(self, prompt: Prompt, model: str) -> dict[str, object]:
        """What is posted."""
        return {
            "model": model,
            "stream": True,
            self.limit_name: max(1_024, prompt.max_tokens * _ROOM),
            "messages": [{"role": "system", "content": prompt.system}, {"role": "user", "content": prompt.text}],
        }

    def piece(self, data: Mapping[str, object]) -> Piece:
        """What one event says.

        Raises:
            SummaryError: it says that something went wrong.
        """
        failure_in(data)
        choice = _first(data)
        return Piece(_content(choice.get("delta")), done=bool(choice.get("finish_reason")))

    def whole(self, data: Mapping[str, object]) -> str:
        """The text of an answer that came in one go."""
        return _content(_first(data).get("message"))


def chat_completions_url(base: str) -> str:
    """The URL to post to for a base URL given with or without ``/v1`` and the rest of the path.

    Raises:
        UsageError: it is no HTTP URL.
    """
    parts = urlsplit(base.strip())
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise UsageError(f"not an HTTP URL: {base}", where="base_url", hint="for example http://localhost:11434/v1")
    path = parts.path.rstrip("/")
    if not path.endswith("/chat/completions"):
        path = f"{path or '/v1'}/chat/completions"
    return parts._replace(path=path, fragment="").geturl()


def openai(
    *,
    model: str,
    key: str = "",
    base_url: str = BASE_URL,
    window: int = UNKNOWN_WINDOW,
    limits: Limits = waiting.USUAL,
    retries: Retries = retrying.USUAL,
) -> Remote:
    """The backend for an endpoint at ``base_url``; most servers on this machine need no key."""
    hosted = (urlsplit(base_url).hostname or "").endswith("openai.com")
    return Remote(
        name="openai",
        url=chat_completions_url(base_url),
        model=model,
        window=window,
        dialect=ChatCompletions("max_completion_tokens" if hosted else "max_tokens"),
        headers={"Authorization": f"Bearer {key}"} if key else {},
        limits=limits,
        retries=retries,
    )


def _first(data: Mapping[str, object]) -> Mapping[str, object]:
    choices = data.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else {}
    return first if isinstance(first, dict) else {}


def _content(message: object) -> str:
    content = message.get("content") if isinstance(message, dict) else None
    return content if isinstance(content, str) else ""
