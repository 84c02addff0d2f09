"""Which sentences say most about a text: TextRank over the words they share.

Mihalcea and Tarau, "TextRank: Bringing Order into Texts" (EMNLP 2004), with words weighed by how rare they are.
Only the most informative sentences enter the graph, so that the cost stays linear in the text. Every sum runs
in the order of the text, so the result is the same in every process.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Sequence

from session_tui.progress import Progress

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+|[^\W_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{2,}")
_DAMPING = 0.85
_ROUNDS = 20
_NODES = 500
_COMMON = 50
"""A word in more of the chosen sentences than this links nothing."""


def words(sentence: str, stop: Collection[str] = frozenset()) -> list[str]:
    """The words of a sentence in lower case; scripts without spaces give every pair of letters."""
    found: list[str] = []
    for run in _WORD.findall(sentence.lower()):
        if run[0] < "\u3040":
            if run not in stop:
                found.append(run)
        else:
            found.extend(run[i : i + 2] for i in range(len(run) - 1)) if len(run) > 1 else found.append(run)
    return found


def scores(bags: Sequence[Sequence[str]], progress: Progress) -> list[float]:
    """A score for each sentence, given as its words; 0 for those that share nothing of note.

    Raises:
        Cancelled: a stop was asked for.
    """
    weight = _rarity(bags)
    informative = [
        sum(weight.get(word, 0.0) for word in dict.fromkeys(bag)) / (4 + len(bag)) if bag else 0.0 for bag in bags
    ]
    nodes = sorted(sorted(range(len(bags)), key=lambda i: (-informative[i], i))[:_NODES])
    edges = _edges([bags[i] for i in nodes], weight)
    strength = [sum(edge.values()) or 1.0 for edge in edges]
    rank = [1.0] * len(nodes)
    for _ in range(_ROUNDS):
        progress.check()
        rank = [
            (1 - _DAMPING) + _DAMPING * sum(rank[j] * value / strength[j] for j, value in edge.items())
            for edge in edges
        ]
    result = [0.0] * len(bags)
    for node, value in zip(nodes, rank, strict=True):
        result[node] = value * (1 + informative[node])
    return result


def _rarity(bags: Sequence[Sequence[str]]) -> dict[str, float]:
    """How much each word says: the logarithm of how few sentences have it; words of one sentence say nothing."""
    holders = Counter(word for bag in bags for word in dict.fromkeys(bag))
    return {word: math.log(1 + len(bags) / number) for word, number in holders.items() if number > 1}


def _edges(bags: Sequence[Sequence[str]], weight: dict[str, float]) -> list[dict[int, float]]:
    holders: dict[str, list[int]] = {}
    for node, bag in enumerate(bags):
        for word in dict.fromkeys(bag):
            if word in weight:
                holders.setdefault(word, []).append(node)
    length = [math.log(2 + len(bag)) for bag in bags]
    edges: list[dict[int, float]] = [{} for _ in bags]
    for word, shared in holders.items():
        if len(shared) > _COMMON:
            continue
        for position, one in enumerate(shared):
            for other in shared[position + 1 :]:
                value = weight[word] / (length[one] + length[other])
                edges[one][other] = edges[one].get(other, 0.0) + value
                edges[other][one] = edges[other].get(one, 0.0) + value
    return edges
