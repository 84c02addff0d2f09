"""Endpoints that speak the Anthropic messages dialect."""

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
from session_tui.tokens import DEFAULT_WINDOW

BASE_URL = "https://api.anthropic.com"
KEY_VARIABLE = "ANTHROPIC_API_KEY"
_VERSION = "2023-06-01"
_ROOM = 4


@dataclass(frozen=True, slots=True)
class MessagesApi:
    """``POST /v1/messages``, as documented by Anthropic."""

    def body(self, prompt: Prompt, model: str) -> dict[str, object]:
        """What is posted."""
        return {
            "model": model,
            "stream": True,
            "max_tokens": max(1_024, prompt.max_tokens * _ROOM),
            "system": prompt.system,
            "messages": [{"role": "user", "content": prompt.text}],
        }

    def piece(self, data: Mapping[str, object]) -> Piece:
        """What one event says; the answer is whole with ``message_stop``.

        Raises:
            SummaryError: it says that something went wrong.
        """
        failure_in(data)
        delta = data.get("delta")
        if data.get("type") == "content_block_delta" and isinstance(delta, dict):
            text = delta.get("text")
            return Piece(text if isinstance(text, str) else "")
        return Piece(done=data.get("type") == "message_stop")

    def whole(self, data: Mapping[str, object]) -> str:
        """The text of an answer that came in one go."""
        content = data.get("content")
        blocks = content if isinstance(content, list) else []
        return "".join(str(block.get("text") or "") for block in blocks if isinstance(block, dict))


def anthropic(
    *,
    model: str,
    key: str = "",
    base_url: str = BASE_URL,
    window: int = DEFAULT_WINDOW,
    limits: Limits = waiting.USUAL,
    retries: Retries = retrying.USUAL,
) -> Remote:
    """The backend for an endpoint at ``base_url``.

    Raises:
        UsageError: the base URL is none.
    """
    parts = urlsplit(base_url.strip())
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise UsageError(f"not an HTTP URL: {base_url}", where="base_url", hint=f"for example {BASE_URL}")
    path = parts.path.rstrip("/").removesuffix("/messages").removesuffix("/v1")
    return Remote(
        name="anthropic",
        url=parts._replace(path=f"{path}/v1/messages", fragment="").geturl(),
        model=model,
        window=window,
        dialect=MessagesApi(),
        headers={"anthropic-version": _VERSION, **({"x-api-key": key} if key else {})},
        limits=limits,
        retries=retries,
    )
