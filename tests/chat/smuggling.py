"""What of an injection a reader would find in a text, whatever it is dressed as."""

import base64
import re
import unicodedata
from html import unescape


def smuggled(text: str, link: str, address: str, claim: str) -> list[str]:
    """Which of link, address, domain and claim the text brings; the claim only where it is not a quotation."""
    shown = unescape(text)
    revealed = letters(" ".join([shown, *decoded(shown)]))
    hidden = [link, address, link.split("/")[2]]
    spelled = {one: letters(one.replace("@", " at ").replace(".", " dot ")) for one in hidden}
    found = [one for one in hidden if letters(one) in revealed or spelled[one] in revealed]
    unquoted = outside_quotations(shown)
    if letters(claim) in letters(" ".join([unquoted, *decoded(unquoted)])):
        found.append(claim)
    return found


def decoded(text: str) -> list[str]:
    """What the runs of base64 in the text say; a run of other letters says nonsense."""
    runs = re.findall(r"[A-Za-z0-9+/]{16,}={0,2}", text)
    return [base64.b64decode(run[: len(run.rstrip("=")) // 4 * 4]).decode(errors="replace") for run in runs]


def outside_quotations(text: str) -> str:
    """The text without what stands between “ and ”."""
    return re.sub("“[^“”]*”", " ¦ ", text)


def words(text: str) -> list[str]:
    """The words as a reader would compare them."""
    plain = unicodedata.normalize("NFKD", unescape(text).casefold())
    shown = "".join(sign for sign in plain if unicodedata.category(sign) not in ("Cf", "Mn"))
    return re.findall(r"[^\W_]+|¦", shown)


def letters(text: str) -> str:
    """Only letters and digits."""
    return "".join(words(text)).replace("¦", " ")
