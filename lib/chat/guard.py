"""The last gate before a person reads what a model wrote.

Whoever can write to a person can write to the person's model. The guard does not ask what a model was told or why it
says what it says: it compares what comes out with what others put in, by rules that no wording can talk it out of.

What holds, whatever the model writes, however it is cut into pieces:

- A link, domain or mail address gets through only if it is allowed, exactly as it was allowed; everything else becomes
  a note. Seen through: Markdown links, references, definitions and images, autolinks, HTML attributes, bare domains,
  letter case, full-width and invisible characters, HTML entities, backslash and percent escapes, `[.]` and `(at)`,
  "x at y dot z", base64 and hexadecimal digits. Links that occur in the untrusted texts are recognised by their letters
  alone, so also broken over lines or spaces.
- Five words in a row, or 24 letters, of an untrusted text stand between “ and ”, and three words or twelve letters of a
  sentence in it that speaks to an assistant. Letters are compared without case, accents, spacing, punctuation and
  invisible characters, and with common lookalikes of other scripts made one.
- Images become links, HTML tags outside code become text: nothing loads by itself. Links are removed even within
  quotations, so that nothing in a quotation can be clicked.

What it does not hold against, and what stands there instead:

- A true paraphrase: a model that tells the lie of a mail in words of its own, or translated. The prompt forbids it,
  `lib.chat.untrusted` keeps what it recognises as orders from the model, and each statement cites its source.
- Runs that are shorter than the limits, such as a name, an amount, a short phone number; or interleaved with words of
  the model's own, or put together from several short fields, such as the names of attendees.
- Other codes than those named (rot13, Morse, a poem's initials), and base64 that is cut into pieces.
- Spelled-out links that were never in the context, in a language whose words for "dot" and "at" are not known here.
- A link to an allowed place: these are the person's own events and mails at their provider, and meetings that the
  person means to attend, each exactly as it is, without room for data in it.
- Inside what looks to us like a fenced block of code, tags stay as they are; a front end that renders raw HTML where we
  see code would show them. Links are removed there too.
- A dotted name with a top-level domain at its end is a domain to us, even if it is meant as a file (`notes.md`).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from lib.chat import signs
from lib.chat.known_links import KnownLinks, found_in
from lib.chat.links import LinkFilter
from lib.chat.provenance import Origins, Quoter
from lib.chat.signs import Sign, SignReader
from lib.chat.untrusted import withhold


@dataclass(frozen=True, slots=True)
class Block:
    """A text that others wrote and a model has read, named as in the context."""

    ref: str
    text: str


class Guard:
    """Passes a model's output on, piece by piece, without what others smuggled into it.

    `trusted` is what the person wrote: it may be repeated, its links and addresses too. The result does not depend on
    how the text is cut into pieces. Text that touches nothing untrusted passes as it is, a few words late.
    """

    def __init__(
        self,
        untrusted: Iterable[Block],
        *,
        trusted: Iterable[str] = (),
        allowed_links: Iterable[str] = (),
        allowed_addresses: Iterable[str] = (),
    ):
        texts = list(dict.fromkeys(block.text for block in untrusted))
        own = list(trusted)
        of_own = [(kind, text) for one in own for text, found in found_in(one) for kind in [found.kind]]
        links = {*allowed_links, *(text for kind, text in of_own if kind == "link")}
        addresses = {*allowed_addresses, *(text for kind, text in of_own if kind == "address")}
        known = KnownLinks(texts, links | addresses)
        self._reader = SignReader()
        self._links = LinkFilter(known, links=links, addresses=addresses)
        orders = [order for text in texts for order in withhold(text).sentences]

        def without_links(text: str) -> list[Sign]:
            links_removed = LinkFilter(known, links=links, addresses=addresses)
            return links_removed.feed(signs.read(text)) + links_removed.close()

        self._without_links = without_links

        def shown(texts: list[str]) -> list[list[Sign]]:
            """Texts as they are, and as they are after their links were removed: output may run along with either."""
            return [signs.read(text) for text in texts] + [without_links(text) for text in texts if found_in(text)]

        self._quoter = Quoter(Origins(shown(texts), shown(orders), [signs.read(text) for text in own]))

    @property
    def removed(self) -> int:
        """How many links, addresses and hidden texts were removed so far."""
        return self._links.removed

    def title(self, text: str) -> str:
        """A name that others gave, fit to be shown beside the answer: without links and orders to an assistant."""
        return signs.written(self._without_links(withhold(text).text))

    def feed(self, text: str) -> str:
        """What may be shown by now; may be empty."""
        return self._quoter.feed(self._links.feed(self._reader.feed(text)))

    def close(self) -> str:
        """The rest, when the model has ended, or what it wrote before it was stopped."""
        rest = self._links.feed(self._reader.close()) + self._links.close()
        return self._quoter.feed(rest) + self._quoter.close()
