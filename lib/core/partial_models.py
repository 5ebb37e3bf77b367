"""Models of changes, made from the models of what is changed, so that no field has to be written twice."""

from functools import cache
from types import GenericAlias, NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, create_model
from pydantic.fields import FieldInfo

from lib.core.http_models import Strict


@cache
def partial(model: type[BaseModel]) -> type[Strict]:
    """A model of which every field may be absent, which leaves it as it is, or null, which removes what was chosen.

    Models within it, also those in dictionaries, become partial too. Unknown fields are refused.
    """
    fields: dict[str, Any] = {
        name: (_optional(_constrained(field)), None) for name, field in model.model_fields.items()
    }
    made: type[Strict] = create_model(
        f"{model.__name__}Change", __base__=Strict, __module__=model.__module__, __doc__=model.__doc__, **fields
    )
    return made


def _constrained(field: FieldInfo) -> Any:
    """What may stand in the field, with the constraints that it has beside its type."""
    annotation = _partial_within(field.annotation)
    return Annotated[(annotation, *field.metadata)] if field.metadata else annotation


def _partial_within(annotation: Any) -> Any:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return Union[tuple(_partial_within(each) for each in arguments)]  # noqa: UP007 - made of what is known later
    if origin is dict:
        key, value = arguments
        return GenericAlias(dict, (key, _optional(_partial_within(value))))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return partial(annotation)
    return annotation


def _optional(annotation: Any) -> Any:
    return annotation if annotation is NoneType else annotation | None
