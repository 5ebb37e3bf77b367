"""A function that keeps what it is sent in the bucket that its path names, and answers where that can be fetched."""

import json

import flask

from lib.core import ids, signed_urls, storage
from lib.core.errors import Problem
from lib.core.object_names import personal
from lib.core.store import UserId


def shelf(request: flask.Request) -> flask.Response:
    bucket, name = request.path.strip("/"), personal(UserId("user_1"), ids.new("thing"))
    try:
        stored = storage.create(bucket, name, request.get_data(), "text/plain")
        url = signed_urls.signed_download(bucket, name, generation=stored.generation, file_name="thing.txt")
    except Problem as problem:
        return flask.Response(json.dumps(problem.document()), problem.status)
    return flask.Response(json.dumps({"url": url}), content_type="application/json")
