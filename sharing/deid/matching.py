"""Finds in a text what is known of people: compiled once from `Known`, then asked of every text.

Names are found as words in any order, with initials, accents or none, transliterated, joined as in
file names, inflected by up to three letters, with or without the hyphen. A word of a name that is
an ordinary word of descriptions, too, is found as well, but is not `sure`.
"""

import datetime
import re
from collections.abc import Iterable, Iterator
from itertools import pairwise, permutations
from typing import TYPE_CHECKING, Final

from sharing.deid import dates, vocabulary
from sharing.deid.folding import Folded, Token, fold, in_latin, is_joined_script, plain, runs
from sharing.deid.known import Kind, Span

if TYPE_CHECKING:
    from sharing.deid.known import Known

_ALNUM: Final = re.compile(r"[^\W_]+")
_BETWEEN: Final = r"[\W_]{0,3}"
_NOT_IN_WORD: Final = (r"(?<![^\W_])", r"(?![^\W_])")
_NOT_IN_NUMBER: Final = (r"(?<!\d)", r"(?!\d)")
_LONG: Final = 8  # from here on a name is found inside of longer words, too
_SHORT: Final = 3  # up to here a word is too common to be found alone
_ENDING: Final = 3
_UMLAUTS: Final = (("ae", "a"), ("oe", "o"), ("ue", "u"))
_MARKED: Final = {"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe", "æ": "ae"}
_PARTICLES: Final = vocabulary.names("particle")
_ARTICLE: Final = "ال"
_NOBODY: Final = vocabulary.names("nobody")


class Search:
    """What is known, compiled.

    Parameters
    ----------
    known
        As it is now; what it learns later needs another search.
    """

    def __init__(self, known: "Known") -> None:
        self.strong: set[str] = set()
        self.common: set[str] = set()
        self.weak: set[str] = set()
        self.short: set[str] = set()
        self.stems: set[str] = set()
        self.initials: set[str] = set()
        self.makers = {w for text in known.makers for w in _ALNUM.findall(plain(text))}
        self.births, self.days = known.births, known.days
        self._inside: dict[str, bool] = {}
        facts = known.looked_for()
        self.wants_dates = Kind.DATE in facts
        patterns: dict[Kind, set[str]] = {kind: set() for kind in facts}
        for name in facts.get(Kind.NAME, ()):
            self._learn_name(name)
        for kind in (Kind.NUMBER, Kind.DEVICE):
            for value in facts.get(kind, ()):
                patterns[kind].update(self._of_number(value))
        for value in facts.get(Kind.PLACE, ()):
            patterns[Kind.PLACE].update(self._of_place(value))
        for value in facts.get(Kind.PHONE, ()):
            patterns[Kind.PHONE].update(_of_phone(value))
        patterns[Kind.BIRTH] = {_alone(text) for day in self.births for text in _compact(day)}
        self.patterns = [(kind, _either(found)) for kind, found in patterns.items() if found]
        self.inside = _either(self._inside) if self._inside else None

    # --- learning

    def _learn_name(self, name: str) -> None:
        for group in name.split("="):
            parts = [part for part in group.split("^") if part.strip()]
            for spelled in _spellings(parts):
                self._learn_parts(spelled)

    def _learn_parts(self, parts: list[str]) -> None:
        words = [word for part in parts for word in _ALNUM.findall(part)]
        for word in words:
            self._learn_word(word)
        for part in parts:  # O'Brien and Smith-Jones are written as one word, too
            pieces = _ALNUM.findall(part)
            if len(pieces) > 1 and len("".join(pieces)) > _SHORT:
                self._learn_word("".join(pieces))
        whole = [
            word for part in parts[:3] if (word := "".join(_ALNUM.findall(part))) not in _NOBODY
        ]
        for one, other in permutations([part for part in whole if part], 2):
            if len(one + other) >= 6 or is_joined_script(one + other):
                self._inside[f"{re.escape(one)}{_BETWEEN}{re.escape(other)}"] = True
            if len(other) > _SHORT and one.isalpha():
                self.strong.update((one[0] + other, other + one[0]))

    def _learn_word(self, word: str) -> None:
        if word in _NOBODY:
            return
        self.initials.add(word[0])
        if is_joined_script(word):
            if len(word) > 1:
                self._inside[re.escape(word)] = True
            return
        if word.startswith(_ARTICLE) and len(word) > 4:
            self._learn_word(word.removeprefix(_ARTICLE))
        if not word.isascii() and len(word) > 4:
            self.stems.add(word[: -2 if len(word) > 5 else -1])
        ordinary = word in vocabulary.words()
        if word in self.makers or word in _PARTICLES or len(word) < _SHORT:
            self.weak.add(word)
        elif len(word) == _SHORT:
            (self.short if ordinary else self.strong).add(word)
        else:
            (self.common if ordinary else self.strong).add(word)
        if len(word) >= _LONG and word not in self.weak:
            self._inside[re.escape(word)] = not ordinary

    def _of_number(self, value: str) -> Iterator[str]:
        """Patterns of an identifier: its runs with any separators, and its digits alone."""
        folded = plain(value)
        words = _ALNUM.findall(folded)
        joined = "".join(words)
        if folded in self.makers or any(folded in maker for maker in self.makers):
            return
        if joined.isalpha():
            for word in words:
                if len(word) > _SHORT:
                    self._learn_word(word)
            return
        if len(joined) < 4 or _is_year(joined):
            return
        pieces = [piece for word in words for piece in runs(word)]
        whole = _BETWEEN.join(re.escape(piece) for piece in pieces)
        yield whole if len(joined) >= _LONG else _NOT_IN_WORD[0] + whole + _NOT_IN_WORD[1]
        digits = [piece.lstrip("0") for piece in pieces if piece.isdigit()]
        for piece in digits:
            if len(piece) >= 5:
                yield _alone(f"0*{piece}")
        if joined.isdigit() and len(joined) >= 7:
            yield _alone(r"[\s./-]?".join(joined))

    def _of_place(self, value: str) -> Iterator[str]:
        folded = plain(value)
        for piece in {folded, *re.split(r"[,;\n\r^=]", folded)}:
            words = _ALNUM.findall(piece)
            letters = sum(map(len, words))
            if letters < 5 or any(piece.strip() in plain(maker) for maker in self.makers):
                continue
            if len(words) == 1 and words[0].isalpha():
                self._learn_place_word(words[0])
            else:
                body = r"[\W_]{1,3}".join(map(re.escape, words))
                yield _NOT_IN_WORD[0] + body + _NOT_IN_WORD[1]

    def _learn_place_word(self, word: str) -> None:
        if word not in self.makers and word not in _NOBODY:
            (self.common if word in vocabulary.words() else self.strong).add(word)

    # --- finding

    def find(self, text: str) -> list[Span]:
        """See `Known.find`."""
        folded = fold(text)
        tokens = folded.tokens()
        found = [*self._names(text, tokens), *self._patterns(folded)]
        found.extend(self._dates(text))
        return merged(found)

    def _names(self, text: str, tokens: list[Token]) -> Iterator[Span]:
        weights = [self._weight(token.text) for token in tokens]
        for at, (one, two) in enumerate(pairwise(tokens)):
            if not weights[at] and two.start - one.end <= 1 and len(one.text + two.text) > 4:
                joined = self._weight(one.text + two.text)  # Mac Donald for Macdonald
                if joined == "strong" and "weak" not in (weights[at], weights[at + 1]):
                    weights[at] = weights[at + 1] = "strong"
        for at, weight in enumerate(weights):
            company = weight in ("weak", "short") and self._has_company(text, tokens, weights, at)
            alone = weight == "short" and text[tokens[at].start].isupper()  # May, but not may
            if weight in ("strong", "common") or company or alone:
                first, last = self._around(text, tokens, weights, at)
                end = tokens[last].end
                initial = len(tokens[last].text) == 1 and text[end : end + 1] == "."
                sure = weight not in ("common", "short") or last > first
                yield Span(tokens[first].start, end + initial, Kind.NAME, sure)

    def _weight(self, word: str) -> str:
        if word in self.strong:
            return "strong"
        if word in self.common:
            return "common"
        if word in self.short:
            return "short"
        if word in self.weak:
            return "particle" if word in _PARTICLES else "weak"
        return self._inflected(word)

    def _inflected(self, word: str) -> str:
        """A name with an ending or an article of its language, or beside digits."""
        pieces = runs(word)
        if len(pieces) > 1:
            return next((w for w in map(self._weight, pieces) if w in ("strong", "common")), "")
        if not word.isascii():
            return self._foreign(word)
        for cut in range(max(6, len(word) - _ENDING), len(word)):
            if word[:cut] in self.strong and word not in vocabulary.words():
                return "strong"
        return ""

    def _foreign(self, word: str) -> str:
        """Where endings take the place of others, and articles and prepositions are prefixes."""
        stems = (word[:cut] for cut in range(max(4, len(word) - _ENDING - 1), len(word)))
        shorter = (word[cut:] for cut in (1, 2) if len(word) - cut >= 3)
        found = any(stem in self.stems for stem in stems)
        return "strong" if found or any(rest in self.strong for rest in shorter) else ""

    def _around(
        self, text: str, tokens: list[Token], weights: list[str], at: int
    ) -> tuple[int, int]:
        """The first and last token of a name around one of its words: initials, other words."""
        first = last = at
        while first and self._belongs(text, tokens, weights, first - 1, first):
            first -= 1
        while last + 1 < len(tokens) and self._belongs(text, tokens, weights, last + 1, last):
            last += 1
        return first, last

    def _belongs(
        self, text: str, tokens: list[Token], weights: list[str], at: int, beside: int
    ) -> bool:
        left, right = sorted((at, beside))
        gap = text[tokens[left].end : tokens[right].start]
        if len(gap) > 2 or ":" in gap or ";" in gap:
            return False
        word = tokens[at].text
        return bool(weights[at]) or (len(word) == 1 and word in self.initials)

    def _has_company(self, text: str, tokens: list[Token], weights: list[str], at: int) -> bool:
        """Whether a short word stands beside another word of the name, as Li Na does."""
        for beside in (at - 1, at + 1):
            if 0 <= beside < len(tokens) and weights[beside] not in ("", "particle"):
                near = self._belongs(text, tokens, weights, beside, at)
                if near and tokens[beside].text != tokens[at].text:
                    return True
        return False

    def _patterns(self, folded: Folded) -> Iterator[Span]:
        for kind, pattern in self.patterns:
            for match in pattern.finditer(folded.text):
                yield Span(folded.place(match.start()), folded.end(match.end()), kind)
        for match in self.inside.finditer(folded.text) if self.inside else ():
            sure = self._inside.get(re.escape(match[0]), True)
            start, end = _whole(folded.text, match.start(), match.end())
            yield Span(folded.place(start), folded.end(end), Kind.NAME, sure)

    def _dates(self, text: str) -> Iterator[Span]:
        if not (self.births or self.wants_dates):
            return
        for found in dates.find(text, self.days):
            if found.day in self.births:
                yield Span(found.start, found.end, Kind.BIRTH)
            elif self.wants_dates and found.day in self.days:
                yield Span(found.start, found.end, Kind.DATE)


def _whole(text: str, start: int, end: int) -> tuple[int, int]:
    """A name inside of a longer word is that whole word: the rest of it is a name, too."""
    if is_joined_script(text[start:end]):
        return start, end
    while start and text[start - 1].isalnum():
        start -= 1
    while end < len(text) and text[end].isalnum():
        end += 1
    return start, end


def merged(spans: Iterable[Span]) -> list[Span]:
    """Spans in order, those that overlap made one: sure if one is, of the kind of the longest."""
    found: list[Span] = []
    for span in sorted(spans):
        if not found or span.start >= found[-1].end:
            found.append(span)
            continue
        last = found[-1]
        longest = max(last, span, key=lambda one: one.end - one.start)
        end = max(last.end, span.end)
        found[-1] = Span(last.start, end, longest.kind, last.sure or span.sure)
    return found


def _spellings(parts: list[str]) -> Iterator[list[str]]:
    """A name's parts folded; as Germans and Danes spell without marks; in Latin letters."""
    folded = [plain(part) for part in parts]
    yield folded
    lower = [part.casefold() for part in parts]
    digraphs = ["".join(_MARKED.get(letter, letter) for letter in part) for part in lower]
    if digraphs != lower:
        yield [plain(part) for part in digraphs]
    single = folded
    for two, one in _UMLAUTS:
        single = [part.replace(two, one) for part in single]
    if single != folded:
        yield single
    latin = [in_latin(part) for part in folded]
    if any(latin):
        yield [made or part for made, part in zip(latin, folded, strict=True)]


def _of_phone(value: str) -> Iterator[str]:
    digits = "".join(re.findall(r"\d", value))
    if len(digits) >= 6:
        gap = r"[\s()./-]{0,3}"
        yield _NOT_IN_NUMBER[0] + gap.join(digits) + _NOT_IN_NUMBER[1]
        if len(digits) > 9:
            yield gap.join(digits[-9:]) + _NOT_IN_NUMBER[1]
    for word in re.findall(r"[^\s@;,<>:]+@[^\s@;,<>]+", plain(value)):
        yield re.escape(word)


def _compact(day: datetime.date) -> Iterator[str]:
    """A birth date in digits alone, in the orders that are not `dates.find`'s."""
    year, month, of = f"{day.year:04}", f"{day.month:02}", f"{day.day:02}"
    yield from (year + month + of, of + month + year, month + of + year)
    yield from (year[2:] + month + of, of + month + year[2:], month + of + year[2:])


def _is_year(text: str) -> bool:
    return len(text) == 4 and text.isdigit() and "1900" <= text <= "2100"


def _alone(pattern: str) -> str:
    return _NOT_IN_NUMBER[0] + pattern + _NOT_IN_NUMBER[1]


def _either(patterns: Iterable[str]) -> "re.Pattern[str]":
    return re.compile("|".join(sorted(patterns, key=len, reverse=True)))
