"""The signed-in person. Source: https://learn.microsoft.com/graph/api/user-get"""

from scripts.local.microsoft.graph.properties import USER
from scripts.local.microsoft.graph.query_options import read_options
from scripts.local.microsoft.graph.request import GraphRequest, Json
from scripts.local.provider.wire import Answer


def get_me(request: GraphRequest) -> Answer:
    """GET /me"""
    options = read_options(request.call, USER, ("$select",))
    person = request.account.person
    resource: Json = {
        "businessPhones": [],
        "displayName": person.name,
        "givenName": person.given_name,
        "jobTitle": None,
        "mail": person.email,
        "mobilePhone": None,
        "officeLocation": None,
        "preferredLanguage": person.locale,
        "surname": person.family_name,
        "userPrincipalName": person.email,
        "id": request.account.object_id,
    }
    context = f"{request.origin}/v1.0/$metadata#users/$entity"
    return request.answer({"@odata.context": context, **options.selected(resource, USER)})
