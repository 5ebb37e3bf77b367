"""Altered texts and bytes, and JSON of every kind, for whatever verifies."""

from hypothesis import settings
from hypothesis import strategies as st

EXAMPLES = settings().max_examples * (1 if settings().max_examples < 1000 else 5)
"""A verifier costs no request, so that its long form has more examples."""

HUGE = [10**400, -(10**400), 2**63, 1e308, float("nan"), float("inf"), -float("inf")]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(HUGE) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def texts(draw: st.DrawFn, right: str, foreign: str = "._-=+/ \n\u00e9\u0660\u2028é") -> str:
    """A text with something put in, taken out, exchanged, cut off or repeated; never the right one."""
    place = draw(st.integers(0, len(right)))
    end = draw(st.integers(place, min(len(right), place + 3)) | st.integers(place, len(right)))
    put_in = draw(st.text(st.sampled_from(foreign) | st.characters(codec="ascii"), max_size=3) | st.just(right))
    altered = right[:place] + put_in + right[end:]
    if altered == right:
        return right + draw(st.sampled_from(foreign))
    return altered


@st.composite
def blobs(draw: st.DrawFn, right: bytes) -> bytes:
    """Bytes with something put in, taken out, exchanged, cut off or repeated; never the right ones."""
    place = draw(st.integers(0, len(right)))
    end = draw(st.integers(place, min(len(right), place + 3)) | st.integers(place, len(right)))
    altered = right[:place] + draw(st.binary(max_size=3) | st.just(right)) + right[end:]
    return right + b"\0" if altered == right else altered
