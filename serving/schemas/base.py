"""How bodies are spelled: camelCase as documented, and snake_case is understood too."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import AliasChoices, AliasGenerator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

LARGEST_ID = 2**31 - 1  # of the database's integers
LARGEST_EVENT = 2**53 - 1  # JSON's whole numbers

# Strict: "0.5" is a mistake of the caller's, not a number.
Share = Annotated[float, Field(strict=True, ge=0, le=1)]
Flag = Annotated[bool, Field(strict=True)]
Name = Annotated[str, Field(strict=True, min_length=1, max_length=255)]
ClusterId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:\-]{1,100}$")]


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE = BeforeValidator(_whole)  # JSON knows no difference between 5 and 5.0


def count(least: int, most: int) -> Any:
    """A range of whole numbers, for `Annotated[int, count(…), WHOLE]`."""
    return Field(strict=True, ge=least, le=most)


def example(**values: Any) -> ConfigDict:
    """What a body looks like, for the OpenAPI description."""
    return ConfigDict(json_schema_extra={"examples": [values]})


class Answer(BaseModel):
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


class Question(BaseModel):
    """A request in camelCase; a misspelt field is refused rather than ignored."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")


class SnakeQuestion(BaseModel):
    """A request that the specification documents in snake_case; camelCase is understood too."""

    model_config = ConfigDict(
        alias_generator=AliasGenerator(validation_alias=lambda name: AliasChoices(name, to_camel(name))),
        extra="forbid",
    )


class Page(Question):
    page: Annotated[int, Field(ge=1, le=10_000_000, description="Page number")] = 1
    page_size: Annotated[int, Field(ge=1, le=100, description="Items per page")] = 20


class Problem(BaseModel):
    """An error, as RFC 9457 describes them."""

    model_config = example(
        type="about:blank",
        title="Not Found",
        status=404,
        detail="cluster 'clu_abc123' has no faces: `faceml faces clusters` lists the ones there are",
    )

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[dict[str, str]] | None = None
