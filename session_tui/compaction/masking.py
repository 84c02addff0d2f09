"""Keeps the commonest kinds of secrets out of summaries and out of what is sent to summarizers."""

from __future__ import annotations

import re

MASK = "[secret]"
"""What stands in place of a secret."""

_BLOCK = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
# Token formats that their issuers document; the length keeps prose such as "sk-like" out.
_TOKEN = re.compile(
    r"\b(?:sk-(?=[\w-]*\d)[\w-]{16,}|gh[pousr]_\w{20,}|github_pat_\w{20,}|(?:npm|hf)_[A-Za-z0-9]{20,}"
    r"|(?:glpat|pypi)-[\w-]{16,}|(?:dop_v1|shpat)_\w{16,}|xox[abeoprs]-[\w-]{10,}|(?:AKIA|ASIA)[0-9A-Z]{16}"
    r"|AIza[\w-]{30,}|ya29\.[\w-]{20,}|(?:sk|rk|pk)_(?:live|test)_\w{16,}|SG\.[\w-]{16,}\.[\w-]{16,}"
    r"|eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,})"
)
_BEARER = re.compile(r"(?i)\b(bearer|basic|token)(\s+)(?=[^\s\"']*\d)[\w.~+/=-]{16,}")
_URL_LOGIN = re.compile(r"(?<=://)[^\s/:@]*:[^\s/@]+(?=@)")
_OPTION_LOGIN = re.compile(r"(\s-u\s+[\w.-]+:)\S{4,}")
# `name = value` and `--name value` where the name speaks of a secret; a value without a digit is rather a
# word, a call or the name of a variable.
_NAME = r"(?:password|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key)"
_VALUE = r"(?=[^\s\"',;()]*\d)[^\s\"',;()\[\]{}$]{6,}"
_ASSIGNED = re.compile(
    rf"(?i)(\b[\w-]{{0,40}}{_NAME}[\"']?\s{{0,4}}[:=]\s{{0,4}}[\"']?|--[\w-]{{0,40}}{_NAME}\s+[\"']?){_VALUE}"
)


def mask(text: str) -> str:
    """``text`` with known kinds of secrets replaced by `MASK`; names of settings stay, their values go."""
    if "PRIVATE KEY" in text:
        text = _BLOCK.sub(MASK, text)
    text = _TOKEN.sub(MASK, text)
    text = _BEARER.sub(rf"\1\2{MASK}", text)
    if "://" in text:
        text = _URL_LOGIN.sub(MASK, text)
    text = _OPTION_LOGIN.sub(rf"\1{MASK}", text)
    return _ASSIGNED.sub(rf"\1{MASK}", text)
