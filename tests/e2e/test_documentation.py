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
