"""Invented language, the same for the same seed: sentences with Zipf's distribution of words, code, tool output,
Chinese, Japanese and Korean, emoji and base64."""

from __future__ import annotations

import random
from itertools import accumulate
from typing import Final

_FAMILIAR: Final = """the a to of is in it and we for on this that with be not can you so as or at by if do from now
should will would have has had but then when where which what how why all any each one two more than only also
test build file line error value branch commit server client request response cache cookie session token parser
buffer queue worker thread socket route header schema index table column query migration lock retry timeout window
layout widget theme render button cursor scroll draft export import module package release version config option
harbour lantern kettle orchard meadow glacier compass anchor ribbon saddle velvet walnut"""
_STARTS: Final = "b br c cl d dr f fl g gl h j k kn l m n p pl qu r s sk sl sp st t tr v w"
_MIDDLES: Final = "a e i o u ae ei io ou ua"
_ENDS: Final = ["", "", "", "l", "m", "n", "nd", "r", "rk", "s", "st", "t", "ck"]
_EMOJI: Final = "✅❌🚀🔧🐛📦🔍💡🧪🎉👍📝"
_HAN: Final = "的一是在有我们这个修复登录问题文件测试代码缓存连接错误请求服务器部署版本更新检查运行结果"
_KANA: Final = "あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもらりるれろわをテストエラー"
_HANGUL: Final = "가나다라마바사아자차카타파하서버오류수정파일검색결과세션코드변경확인"
_BASE64: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_LANGUAGES: Final = ("python", "rust", "go", "typescript", "sql", "bash")
_ENDINGS: Final = ("py", "rs", "go", "ts", "sql", "md")
_SENTENCES: Final = 24_000
_CODE_LINES: Final = 6_000


class Language:
    """Words and everything made of them. Much is made beforehand and drawn from, so that gigabytes are quickly
    written; ``size`` is the number of characters of tool output made beforehand."""

    def __init__(self, seed: int, *, words: int = 20_000, size: int = 8 << 20) -> None:
        dice = random.Random(f"language {seed}")
        self.words = _vocabulary(dice, words)
        self._weights = list(accumulate(1 / (rank + 3) ** 1.05 for rank in range(len(self.words))))
        scale = min(1.0, size / (4 << 20))
        self._sentences = [self._sentence(dice) for _ in range(max(400, int(_SENTENCES * scale)))]
        self._code = [self._code_line(dice) for _ in range(max(300, int(_CODE_LINES * scale)))]
        self._base64 = "".join(dice.choices(_BASE64, k=1 << 18))
        self._output = self._tape(dice, size)

    # ── what is drawn ─────────────────────────────────────────────────────────────────────────────────

    def drawn(self, dice: random.Random, number: int) -> list[str]:
        """Some words, the common ones more often."""
        return dice.choices(self.words, cum_weights=self._weights, k=number)

    def identifier(self, dice: random.Random) -> str:
        """A name as programs use it."""
        first, *more = self.drawn(dice, dice.randint(1, 3))
        joined = "_".join([first, *more])
        return joined if dice.random() < 0.5 else first + "".join(word.capitalize() for word in more)

    def prose(self, dice: random.Random, sentences: int) -> str:
        """A paragraph."""
        text = " ".join(dice.choices(self._sentences, k=max(1, sentences)))
        return f"{text} {dice.choice(_EMOJI)}" if dice.random() < 0.04 else text

    def code(self, dice: random.Random, lines: int) -> str:
        """A fenced block."""
        body = "\n".join(dice.choices(self._code, k=lines))
        return f"```{dice.choice(_LANGUAGES)}\n{body}\n```"

    def foreign(self, dice: random.Random, characters: int) -> str:
        """A sentence in Chinese, Japanese or Korean characters."""
        script = dice.choice((_HAN, _HAN, _KANA, _HANGUL))
        return "".join(dice.choices(script, k=characters)) + "。"

    def output(self, dice: random.Random, size: int) -> str:
        """About ``size`` characters that a tool printed, whole lines."""
        start = self._output.find("\n", dice.randrange(max(1, len(self._output) - size))) + 1
        end = self._output.find("\n", start + size)
        return self._output[start:end] if end > start else self._output[:size]

    def binary(self, dice: random.Random, size: int) -> str:
        """``size`` characters of base64."""
        start = dice.randrange(len(self._base64))
        turned = self._base64[start:] + self._base64[:start]
        return (turned * (size // len(turned) + 1))[:size]

    def path(self, dice: random.Random) -> str:
        """A file of some project."""
        folders = "/".join(self.drawn(dice, dice.randint(1, 3)))
        return f"src/{folders}/{self.identifier(dice)}.{dice.choice(_ENDINGS)}"

    # ── what is made beforehand ───────────────────────────────────────────────────────────────────────

    def _sentence(self, dice: random.Random) -> str:
        words = self.drawn(dice, dice.randint(4, 18))
        if dice.random() < 0.2:
            words[-1] = f"`{self.identifier(dice)}`"
        return " ".join(words).capitalize() + dice.choice(".....?!:")

    def _code_line(self, dice: random.Random) -> str:
        name, other, third = (self.identifier(dice) for _ in range(3))
        forms = (
            f"{name} = {other}({third}, {dice.randint(0, 999)})",
            f"def {name}({other}): return {third}",
            f"if {name} is not None and {other} > {dice.randint(0, 99)}:",
            f"    await {name}.{other}('{third}')",
            f"SELECT {name} FROM {other} WHERE {third} = ?",
            f"fn {name}(&mut self) -> Result<{other.capitalize()}> {{ self.{third}() }}",
        )
        return dice.choice(forms)

    def _output_line(self, dice: random.Random) -> str:
        clock = f"{dice.randint(0, 23):02}:{dice.randint(0, 59):02}:{dice.randint(0, 59):02}"
        forms = (
            lambda: f"{clock} {dice.choice(('INFO', 'WARN', 'DEBUG'))} {dice.choice(self._sentences)}",
            lambda: f"{self.path(dice)}:{dice.randint(1, 900)}: {dice.choice(self._code)}",
            lambda: f"{dice.randint(1, 900):>5}\t{dice.choice(self._code)}",
            lambda: f'  "{self.identifier(dice)}": "{dice.getrandbits(64):016x}",',
            lambda: f"drwxr-xr-x 2 kit kit {dice.randint(1, 99_999):>6} {self.identifier(dice)}",
            lambda: f"{dice.getrandbits(160):040x} {dice.choice(self._sentences)}",
        )
        return dice.choice(forms)()

    def _tape(self, dice: random.Random, size: int) -> str:
        lines: list[str] = []
        length = 0
        while length < size:
            lines.append(self._output_line(dice))
            length += len(lines[-1]) + 1
        return "\n".join([*lines, ""])


def _vocabulary(dice: random.Random, number: int) -> list[str]:
    """Distinct words; none holds ``x`` or ``z``, so that needles made with these stand in no other word."""
    words = dict.fromkeys(word for word in _FAMILIAR.split() if not {"x", "z"} & set(word))
    starts, middles = _STARTS.split(), _MIDDLES.split()
    while len(words) < number:
        syllables = dice.choices((1, 2, 3), (2, 6, 3))[0]
        word = "".join(dice.choice(starts) + dice.choice(middles) for _ in range(syllables)) + dice.choice(_ENDS)
        if len(word) > 2:
            words[word] = None
    return list(words)
