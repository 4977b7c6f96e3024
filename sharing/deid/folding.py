"""Text as it is compared: small letters without accents, each still knowing where it stood."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

# Letters that compatibility decomposition leaves alone, and those of scripts that are written in
# more ways than one (Arabic alef maksura and teh marbuta, Greek final sigma).
_TYPED: Final = {
    "ø": "o", "đ": "d", "ð": "d", "ł": "l", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h", "ß": "ss",
    "ى": "ي", "ة": "ه", "ک": "ك", "ی": "ي", "ς": "σ", "ё": "е", "ـ": "",
}  # fmt: skip
_WORD: Final = re.compile(r"[^\W_]+")
_RUN: Final = re.compile(r"[^\W\d_]+|\d+")
_LATIN_OF: Final = {
    "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ж": "zh", "з": "z", "и": "i",
    "й": "i", "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s",
    "т": "t", "у": "u", "ф": "f", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch",
    "ъ": "", "ы": "y", "ь": "", "э": "e", "ю": "yu", "я": "ya", "і": "i", "ї": "yi", "є": "ye",
    "ґ": "g", "α": "a", "β": "v", "γ": "g", "δ": "d", "ε": "e", "ζ": "z", "η": "i", "θ": "th",
    "ι": "i", "κ": "k", "λ": "l", "μ": "m", "ν": "n", "ξ": "x", "ο": "o", "π": "p", "ρ": "r",
    "σ": "s", "τ": "t", "υ": "y", "φ": "f", "χ": "ch", "ψ": "ps", "ω": "o",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Token:
    """A run of letters and digits in folded text; `start` and `end` are those of the original."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Folded:
    """Folded text, and where in the original each of its characters comes from."""

    text: str
    places: tuple[int, ...] | None
    length: int

    def place(self, at: int) -> int:
        """Index into the original of a character of the folded text."""
        if self.places is None:
            return at
        return self.places[at] if at < len(self.places) else self.length

    def end(self, at: int) -> int:
        """Index behind the original of the folded character before `at`, its marks included."""
        if self.places is None:
            return at
        last = self.places[at - 1]
        return next((place for place in self.places[at:] if place > last), self.length)

    def tokens(self) -> list[Token]:
        """Runs of letters and digits; an underscore ends one."""
        return [
            Token(match[0], self.place(match.start()), self.end(match.end()))
            for match in _WORD.finditer(self.text)
        ]


def fold(text: str) -> Folded:
    """Case folded, compatibility forms made plain, marks removed."""
    if text.isascii():
        return Folded(text.lower(), None, len(text))
    letters: list[str] = []
    places: list[int] = []
    for at, character in enumerate(text):
        for piece in _plain(character):
            letters.append(piece)
            places.append(at)
    return Folded("".join(letters), tuple(places), len(text))


def plain(text: str) -> str:
    """`fold` without the places."""
    return fold(text).text


def _plain(character: str) -> str:
    if character < "\x80":
        return character.lower()
    pieces = unicodedata.normalize("NFKD", character.casefold())
    return "".join(_TYPED.get(piece, piece) for piece in pieces if not unicodedata.combining(piece))


def runs(token: str) -> list[str]:
    """Letters and digits of a token apart.

    Examples
    --------
    >>> runs("b1000t2w")
    ['b', '1000', 't', '2', 'w']
    """
    return _RUN.findall(token)


def in_latin(word: str) -> str:
    """A folded Cyrillic or Greek word in Latin letters, as passports write it; "" for others."""
    if not any(letter in _LATIN_OF for letter in word):
        return ""
    return "".join(_LATIN_OF.get(letter, letter) for letter in word.replace("ου", "ou"))


def is_joined_script(word: str) -> bool:
    """Whether a word is of a script that puts no spaces between words: Han, kana, Hangul, Thai."""
    return any(
        "\u0e00" <= letter <= "\u0e7f"
        or "\u1100" <= letter <= "\u11ff"
        or "\u3040" <= letter <= "\u30ff"
        or "\u3400" <= letter <= "\u9fff"
        or "\uac00" <= letter <= "\ud7a3"
        for letter in word
    )
