"""A POST that stands for another method, as Google's client sends when a URL grows beyond 2,048 characters.

It carries the query in its body: https://cloud.google.com/apis/docs/system-parameters
"""

from dataclasses import replace

from scripts.local.provider.wire import Call

HEADER = "X-HTTP-Method-Override"


def meant(call: Call) -> Call:
    """The call that is meant."""
    method = call.headers.get(HEADER)
    if call.method != "POST" or not method:
        return call
    return replace(call, method=method.upper(), query=call.query + call.form(), body=b"")
