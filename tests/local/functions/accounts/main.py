"""Stands for `accounts`: begins and finishes a connection, and tells what it was asked with."""

import json

import flask


def accounts(request: flask.Request) -> flask.Response:
    asked = request.get_json()
    if request.path == "/connections":
        begun = {
            "authorize_url": f"https://{asked['provider']}.example/auth?to={asked['redirect_url']}",
            "state": "a-state",
        }
        return flask.Response(json.dumps(begun), 201, content_type="application/json")
    return flask.Response(json.dumps({"id": "acc_1", "asked": asked}), 200, content_type="application/json")
