"""A stream read page by page: whatever the sizes of pages, and however many items are of one time, each comes once."""

from hypothesis import given
from hypothesis import strategies as st

from lib.office.merge import Place, Stretch
from lib.office.reading import Reading

# Few different numbers, so that many items share one.
streams = st.lists(st.integers(0, 5), max_size=30)


def read(pages: list[list[Place]], after: Place | None, limit: int) -> Stretch[str]:
    """What a reader of the provider's pages takes of them."""
    reading: Reading[str] = Reading(after, limit)
    for number, page in enumerate(pages):
        if reading.is_enough:
            break
        for place in page:
            if reading.reach(place):
                reading.keep(place, place.tie)
        reading.ended = number == len(pages) - 1
    return reading.stretch()


@given(streams, st.integers(1, 12), st.lists(st.integers(0, 4), min_size=40, max_size=40), st.randoms())
def test_every_item_comes_once_and_in_order(numbers: list[int], limit: int, sizes: list[int], random: object) -> None:
    """Items of one number come in an order that the provider may change with every request."""
    places = [Place.of(number, f"item {index}") for index, number in enumerate(numbers)]
    after, found = None, list[Place]()
    while True:
        random.shuffle(places)  # type: ignore[attr-defined]
        places.sort(key=lambda place: place.number)
        left, pages = list(places), list[list[Place]]()
        for size in sizes:
            pages.append(left[:size])
            left = left[size:]
        stretch = read([*pages, left], after, limit)
        assert len(stretch.items) == limit or stretch.ended
        found += [place for place, _ in stretch.items]
        if stretch.ended:
            break
        after = found[-1]
    assert found == sorted(places)


def test_a_page_that_ends_within_a_moment_is_not_the_last_one_read() -> None:
    ties = sorted((Place.of(1, f"item {index}") for index in range(3)), reverse=True)
    stretch = read([ties[:2], [ties[2], Place.of(2, "later")], [Place.of(3, "latest")]], None, 2)
    assert [place for place, _ in stretch.items] == sorted(ties)[:2]
    assert not stretch.ended
