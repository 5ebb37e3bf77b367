"""Headers that came more than once, as one: who verifies a signature and who obeys the request read the same.

https://cloud.google.com/storage/docs/authentication/canonical-requests: one name with the values in the
order of the request, separated by commas without whitespace.
"""

from multidict import CIMultiDict, MultiMapping


def joined(headers: MultiMapping[str]) -> CIMultiDict[str]:
    """Each name once, with all of its values."""
    return CIMultiDict({name.lower(): ",".join(headers.getall(name)) for name in headers})
