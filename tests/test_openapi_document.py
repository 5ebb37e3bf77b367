"""Documents of functions that use one name for different schemas are merged without mixing these up."""

from scripts.openapi_document import SCHEMAS, without_conflicts


def test_a_schema_of_a_taken_name_is_renamed_where_it_is_referred_to_and_nowhere_else() -> None:
    reference = {"$ref": f"{SCHEMAS}One"}
    own = {
        "components": {
            "schemas": {
                "One": {"properties": {"One": {"type": "string"}, "next": reference}},
                "Two": {
                    "description": f'as "{SCHEMAS}One" says',
                    "oneOf": [reference],
                    "discriminator": {"propertyName": "kind", "mapping": {"one": f"{SCHEMAS}One"}},
                },
            }
        },
        "paths": {"/": {"get": {"content": [reference]}}},
    }
    merged = without_conflicts("mail", own, {"One": {"type": "integer"}, "Two": own["components"]["schemas"]["Two"]})
    schemas, renamed = merged["components"]["schemas"], {"$ref": f"{SCHEMAS}mail.One"}
    assert set(schemas) == {"mail.One", "Two"}
    assert schemas["mail.One"] == {"properties": {"One": {"type": "string"}, "next": renamed}}
    assert schemas["Two"]["description"] == f'as "{SCHEMAS}One" says'
    assert schemas["Two"]["oneOf"] == [renamed]
    assert schemas["Two"]["discriminator"]["mapping"] == {"one": f"{SCHEMAS}mail.One"}
    assert merged["paths"]["/"]["get"]["content"] == [renamed]


def test_the_same_schema_in_two_functions_keeps_its_name() -> None:
    own = {"components": {"schemas": {"One": {"type": "string"}}}, "paths": {}}
    assert without_conflicts("mail", own, {"One": {"type": "string"}}) == own
