"""How bodies are spelled: camelCase as documented, and snake_case is understood too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Generic, Self, TypeVar
from uuid import UUID

from pydantic import (
    AliasChoices,
    AliasGenerator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    create_model,
)
from pydantic.alias_generators import to_camel

from faceml.options import Option, StepOptions, options_of

Item = TypeVar("Item")

LARGEST_ID = 2**31 - 1  # of the database's integers
LARGEST_EVENT = 2**53 - 1  # JSON's whole numbers

# Strict: "true" is a mistake of the caller's, not a flag.
Flag = Annotated[bool, Field(strict=True)]
Name = Annotated[str, Field(strict=True, min_length=1, max_length=255)]
ClusterId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:\-]{1,100}$")]

# JSON knows no difference between 5 and 5.0.
WHOLE = BeforeValidator(lambda value: int(value) if isinstance(value, float) and value.is_integer() else value)


class ResponseModel(BaseModel):
    """An answer in camelCase."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, from_attributes=True)

    @classmethod
    def of(cls, found: Any, /) -> Self:
        """A record of a service whose fields go by the same names."""
        return cls.model_validate(found)

    @classmethod
    def completed(cls, found: Any, /, **others: Any) -> Self:
        """A record of a service, and what it does not hold, or holds otherwise."""
        return cls(**{name: getattr(found, name) for name in cls.model_fields if name not in others}, **others)


class SnakeResponseModel(ResponseModel):
    """An answer that the specification documents in snake_case."""

    model_config = ConfigDict(alias_generator=None)


class ListResponse(ResponseModel, Generic[Item]):
    """A page of a list."""

    items: list[Item]
    total: int
    page: int
    page_size: int


class RequestModel(BaseModel):
    """A request in camelCase; a misspelt field is refused rather than ignored."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")


class SnakeRequestModel(BaseModel):
    """A request that the specification documents in snake_case; camelCase is understood too."""

    model_config = ConfigDict(
        alias_generator=AliasGenerator(validation_alias=lambda name: AliasChoices(name, to_camel(name))),
        extra="forbid",
    )


M = TypeVar("M", bound=BaseModel)


def offering(record: type[StepOptions], *, but: tuple[str, ...] = ()) -> Callable[[type[M]], type[M]]:
    """Give a request a field for each of a record's options, as the record describes it.

    The record itself checks them, in the words of all doors: `record.of(request.model_dump(exclude={"queue"}))`.
    """

    def decorate(model: type[M]) -> type[M]:
        offered = {
            item.api_name: (
                Annotated[Any, WithJsonSchema(described(item)), Field(description=item.words)],
                item.default,
            )
            for item in options_of(record)
            if item.name not in but
        }
        return create_model(  # type: ignore[no-any-return, call-overload]
            model.__name__, __base__=model, __module__=model.__module__, __doc__=model.__doc__, **offered
        )

    return decorate


def described(item: Option) -> dict[str, Any]:
    """An option in JSON Schema."""
    if item.kind is bool:
        return {"type": "boolean"}
    kinds: list[dict[str, Any]] = []
    if item.kind in (int, float):
        low = "exclusiveMinimum" if item.open_end == "least" else "minimum"
        high = "exclusiveMaximum" if item.open_end == "most" else "maximum"
        kinds.append({"type": "integer" if item.kind is int else "number", low: item.least, high: item.most})
    if item.choices:
        kinds.append({"type": "string", "enum": list(item.choices)})
    if item.pattern:
        kinds.append({"type": "string", "pattern": f"^({item.pattern}){'?' if item.default is None else ''}$"})
    if item.is_numbered:
        among = [int(choice) for choice in item.choices if choice.isdigit()]
        kinds.append({"type": "integer", **({"enum": among} if among else {"minimum": 1, "maximum": 999_999_999})})
    if item.default is None:
        kinds.append({"type": "null"})
    return kinds[0] if len(kinds) == 1 else {"anyOf": kinds}


class Page(RequestModel):
    page: Annotated[int, Field(ge=1, le=10_000_000, description="Page number")] = 1
    page_size: Annotated[int, Field(ge=1, le=100, description="Items per page")] = 20
    after: Any = None  # each list has places of its own

    def given(self) -> dict[str, Any]:
        """As services take a page."""
        after = None if self.after is None else str(self.after)
        return {"page": self.page, "page_size": self.page_size, "after": after}


AFTER = "Only what comes behind this place, which a page's `Link` names"


class PhotosPage(Page):
    after: Annotated[str | None, Field(pattern=r"^[1-9][0-9]{0,8}$", description=AFTER)] = None


class FacesPage(Page):
    after: Annotated[UUID | None, Field(description=AFTER)] = None


class Problem(BaseModel):
    """An error, as RFC 9457 describes them."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[dict[str, str]] | None = None
    changed_face_ids: Annotated[list[UUID] | None, Field(serialization_alias="changedFaceIds")] = None
