"""Questions that a person answers with yes or no, and clusters that fall apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from faceml.services.decisions.split import SplitPreview
from faceml.services.review.review import Answer, Question, Side, Topic
from serving.schemas.base import ClusterId, Flag, RequestModel, ResponseModel

TopicName = Literal["probable", "same_person", "intruders", "close_calls", "recognised"]
MOST_ASKED = 200  # faces of one side


class ReviewQuery(RequestModel):
    topic: Annotated[
        TopicName,
        Field(
            description="faces without a name that are probably somebody's, groups that look like one person, faces "
            "that may be under a wrong name, close calls, or what a machine named"
        ),
    ] = "same_person"
    round: Annotated[int, Field(ge=0, le=100_000, description="Of `intruders`: the next people")] = 0
    limit: Annotated[int, Field(ge=1, le=200)] = 20


class SideItem(ResponseModel):
    title: str
    face_ids: list[UUID]
    person_id: UUID | None
    cluster_id: str | None

    @classmethod
    def of(cls, found: Side, /) -> Self:
        return cls.completed(found, face_ids=list(found.face_ids))


class QuestionItem(ResponseModel):
    key: str = Field(description="the same when it is asked again")
    text: str
    evidence: str
    company: str = Field(description="who else is on the photo and often with the person: a hint, never a reason")
    needs_name: bool = Field(description="a yes has to say who it is")
    one: SideItem
    other: SideItem

    @classmethod
    def of(cls, found: Question, /) -> Self:
        return cls.completed(found, one=SideItem.of(found.one), other=SideItem.of(found.other))


class ReviewResponse(ResponseModel):
    topic: TopicName
    rounds: int = Field(description="how many rounds the topic has")
    questions: list[QuestionItem]
    photos: dict[UUID, int] = Field(description="which photo each of the faces is on")
    bursts: dict[UUID, int] = Field(description="faces that stand for a burst, and how many of its photos show them")

    @classmethod
    def listing(cls, topic: TopicName, rounds: int, found: Sequence[Question], photos: Mapping[UUID, int]) -> Self:
        questions = [QuestionItem.of(question) for question in found]
        sides = [side for question in found for side in (question.one, question.other)]
        bursts = {face_id: count for side in sides for face_id, count in side.bursts.items()}
        return cls(topic=topic, rounds=rounds, questions=questions, photos=dict(photos), bursts=bursts)


class SideRequest(RequestModel):
    title: Annotated[str, Field(max_length=255)] = ""
    face_ids: Annotated[tuple[UUID, ...], Field(max_length=MOST_ASKED)] = ()
    person_id: UUID | None = None
    cluster_id: ClusterId | None = None

    def side(self) -> Side:
        return Side(self.title, self.face_ids, self.person_id, self.cluster_id)


class AnswerRequest(RequestModel):
    """A question as it was asked, and what a person says."""

    topic: TopicName
    one: SideRequest
    other: SideRequest
    is_yes: Flag
    name: Annotated[str, Field(max_length=255, description="Of two clusters that are one person")] = ""

    @model_validator(mode="after")
    def _is_a_question(self) -> Self:
        if self.topic == "same_person":
            asked = all(side.person_id or side.cluster_id for side in (self.one, self.other))
        else:
            asked = bool(self.one.face_ids) and self.other.person_id is not None
        if not asked:
            raise ValueError("send the question's `one` and `other` back as they were given")
        return self

    def question(self) -> Question:
        return Question(topic_of(self.topic), "", "", self.one.side(), self.other.side())


class AnswerResponse(ResponseModel):
    event_ids: list[int] = Field(description="of the decisions that it made, oldest first")
    text: str

    @classmethod
    def of(cls, found: Answer, /) -> Self:
        return cls(event_ids=list(found.event_ids), text=found.text)


def topic_of(name: TopicName) -> Topic:
    return Topic[name.upper()]


class SplitPreviewQuery(RequestModel):
    min_cluster_size: Annotated[int, Field(ge=2, le=10_000, description="Minimum faces of a part")] = 3


class SplitPreviewResponse(ResponseModel):
    """One part where it does not fall apart."""

    cluster_id: str
    parts: list[list[UUID]] = Field(description="largest first")
    left_out: list[UUID] = Field(description="that fit no part")

    @classmethod
    def of(cls, found: SplitPreview, /) -> Self:
        return cls.completed(found, parts=[list(part) for part in found.parts], left_out=list(found.left_out))


class ExemplarsRequest(RequestModel):
    """Without `faceIds` the best three are chosen anew."""

    face_ids: Annotated[list[UUID], Field(min_length=1, max_length=100)] | None = None


class ExemplarsResponse(ResponseModel):
    person_id: UUID
    person_name: str
    exemplars: list[UUID]
    added: int
    removed: int
    event_id: int
