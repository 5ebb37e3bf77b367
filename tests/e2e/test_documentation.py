"""The documentation of the API is on the origin, and tells all of it."""

import requests

from tests.briefly import Briefly


def test_the_documentation_page_loads_only_files_of_the_origin(briefly: Briefly) -> None:
    page = requests.get(f"{briefly.state.origin}/docs", timeout=10)
    assert page.headers["Content-Type"].startswith("text/html")
    assert "://" not in page.text
    for file, kind in (("swagger-ui.css", "text/css"), ("swagger-ui-bundle.js", "javascript")):
        assert f"/docs/{file}" in page.text
        served = requests.get(f"{briefly.state.origin}/docs/{file}", timeout=10)
        assert served.status_code == 200
        assert kind in served.headers["Content-Type"]
    assert requests.get(f"{briefly.state.origin}/docs/passwords", timeout=10).status_code == 404


def test_the_document_has_the_paths_of_every_function_behind_its_name(briefly: Briefly) -> None:
    document = requests.get(f"{briefly.state.origin}/openapi.json", timeout=60).json()
    assert document["openapi"].startswith("3.1")
    assert document["servers"][0]["url"] == "/api"
    for path in ("/users/me", "/accounts/", "/chat/conversations", "/stream/runs/{run_id}", "/usage/models"):
        assert path in document["paths"]


def test_a_streaming_route_tells_its_parameters_and_answers(briefly: Briefly) -> None:
    document = requests.get(f"{briefly.state.origin}/openapi.json", timeout=60).json()
    operation = document["paths"]["/stream/runs/{run_id}"]["get"]
    parameters = {(parameter["in"], parameter["name"]): parameter for parameter in operation["parameters"]}
    assert parameters["path", "run_id"]["required"]
    assert not parameters["header", "Last-Event-ID"]["required"]
    assert set(operation["responses"]) == {"200", "204", "default"}
    assert "text/event-stream" in operation["responses"]["200"]["content"]
    assert "application/problem+json" in operation["responses"]["default"]["content"]


def test_what_the_gateway_does_not_reach_is_not_shown_behind_it(briefly: Briefly) -> None:
    document = requests.get(f"{briefly.state.origin}/openapi.json", timeout=60).json()
    behind = {path for path, operations in document["paths"].items() if "servers" not in operations}
    for path in document["paths"]:
        through_gateway = requests.get(f"{briefly.state.origin}/api{path}", timeout=20).status_code
        assert (through_gateway == 404) == (path not in behind), path
    assert {
        server["url"] for path in set(document["paths"]) - behind for server in document["paths"][path]["servers"]
    } == {"/"}


def test_every_operation_says_what_a_call_has_to_bring(briefly: Briefly) -> None:
    document = requests.get(f"{briefly.state.origin}/openapi.json", timeout=60).json()
    schemes = document["components"]["securitySchemes"]
    for path, operations in document["paths"].items():
        for method in set(operations) - {"servers"}:
            ways = operations[method]["security"]
            assert ways, path
            assert all(set(way) <= set(schemes) for way in ways), path
    cookie = requests.post(f"{briefly.state.origin}/api/login", json={"user": briefly.sign_up().user}, timeout=20)
    assert schemes["Cookie"]["name"] in cookie.headers.get("Set-Cookie", "")
