"""The second half of the guard: what others wrote is shown as a quotation, as a text streams by."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from lib.chat.overlap import Items, Overlap, Runs
from lib.chat.quotation import Quotation
from lib.chat.signs import Sign, is_invisible, letters, written

LEAST_WORDS = 5
LEAST_LETTERS = 24
LEAST_WORDS_OF_ORDERS = 3
LEAST_LETTERS_OF_ORDERS = 12
_PROBED_WORDS = 2
_PROBED_LETTERS = 8
_PROBED_LETTERS_OF_ORDERS = 6

Text: TypeAlias = Iterable[Sign]


class Origins:
    """What others wrote, as words and as letters.

    A run of five words of it, or of 24 letters whatever the words, is theirs; of text that speaks to an assistant
    (`orders`) three words or twelve letters are enough. What the person wrote too (`trusted`) is the person's.
    """

    def __init__(self, texts: Iterable[Text], orders: Iterable[Text], trusted: Iterable[Text]):
        of_texts, of_orders, of_trusted = ([split(text) for text in group] for group in (texts, orders, trusted))
        self.words = (
            Runs(LEAST_WORDS, _PROBED_WORDS, _words(of_texts), _words(of_trusted)),
            Runs(LEAST_WORDS_OF_ORDERS, _PROBED_WORDS, _words(of_orders), _words(of_trusted)),
        )
        self.letters = (
            Runs(LEAST_LETTERS, _PROBED_LETTERS, _letters(of_texts), _letters(of_trusted)),
            Runs(LEAST_LETTERS_OF_ORDERS, _PROBED_LETTERS_OF_ORDERS, _letters(of_orders), _letters(of_trusted)),
        )


@dataclass(slots=True)
class _Word:
    """A word with what stands before it, and where it is among all words and letters."""

    gap: str
    signs: list[Sign] = field(default_factory=list)
    letters: str = ""
    number: int = 0
    first_letter: int = 0
    end_letter: int = 0


class Quoter:
    """Reads signs, gives text. A word is held back until it is certain whether it belongs to a run."""

    def __init__(self, origins: Origins):
        # Where nothing is known, nothing can be found.
        self._by_words = [Overlap(runs, ()) for runs in origins.words if runs.whole]
        self._by_letters = [Overlap(runs, "") for runs in origins.letters if runs.whole]
        self._quotation = Quotation()
        self._gap: list[Sign] = []
        self._word: _Word | None = None
        self._waiting: list[_Word] = []
        self._count_words = 0
        self._count_letters = 0
        self._space = ""
        """Held back where nothing is known."""

    def feed(self, signs: Text) -> str:
        """What is decided by now."""
        if not self._by_words and not self._by_letters:
            return self._passed(written(signs))
        for sign in signs:
            self._add(sign)
        return self._decided()

    def close(self) -> str:
        """The rest."""
        if self._space:
            return self._space
        self._end_word()
        for overlap in self._by_words + self._by_letters:
            overlap.close()
        return self._decided() + self._quotation.close(written(self._gap))

    def _passed(self, text: str) -> str:
        """The text as it is, but for the space after it, which comes with the next word: by itself it shows nothing."""
        text = self._space + text
        shown = text.rstrip()
        self._space = text[len(shown) :]
        return shown

    def _add(self, sign: Sign) -> None:
        added = letters(sign.seen)
        if added:
            if self._word is None:
                self._word = _Word(written(self._gap), first_letter=self._count_letters)
                self._gap = []
            self._word.signs.append(sign)
            self._word.letters += added
            self._count_letters += len(added)
            for overlap in self._by_letters:
                for letter in added:
                    overlap.add(letter)
        elif self._word is not None and is_invisible(sign.seen):
            self._word.signs.append(sign)
        else:
            self._end_word()
            self._gap.append(sign)

    def _end_word(self) -> None:
        word, self._word = self._word, None
        if word is None:
            return
        word.number, word.end_letter = self._count_words, self._count_letters
        self._count_words += 1
        for overlap in self._by_words:
            overlap.add((word.letters,))
        self._waiting.append(word)

    def _decided(self) -> str:
        output: list[str] = []
        while self._waiting and self._is_decided(self._waiting[0]):
            word = self._waiting.pop(0)
            output.append(self._quotation.add(word.gap, written(word.signs), self._is_theirs(word)))
        return "".join(output)

    def _is_decided(self, word: _Word) -> bool:
        for overlap in self._by_words:
            if not overlap.is_decided(word.number):
                return False
        last = word.end_letter - 1
        for overlap in self._by_letters:  # noqa: SIM110 (a generator for every word is what takes the time)
            if not overlap.is_decided(last):
                return False
        return True

    def _is_theirs(self, word: _Word) -> bool:
        """Whether the word is part of a run; at the ends of a run of letters, whether two thirds of the word are."""
        by_words = [overlap.covered(word.number, word.number + 1) for overlap in self._by_words]
        by_letters = [overlap.covered(word.first_letter, word.end_letter) for overlap in self._by_letters]
        length = word.end_letter - word.first_letter
        return any(by_words) or any(
            3 * count >= 2 * length or count >= LEAST_LETTERS_OF_ORDERS for count in by_letters if count
        )


def split(text: Text) -> tuple[str, ...]:
    """The words of a text, in the form in which they are compared."""
    words: list[str] = []
    word = ""
    for sign in text:
        added = letters(sign.seen)
        if added:
            word += added
        elif word and not is_invisible(sign.seen):
            words.append(word)
            word = ""
    return (*words, word) if word else tuple(words)


def _words(texts: list[tuple[str, ...]]) -> list[Items]:
    return list(texts)


def _letters(texts: list[tuple[str, ...]]) -> list[Items]:
    return ["".join(words) for words in texts]
