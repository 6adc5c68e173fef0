"""People, and every decision about them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import Body, File, Form, Query, Request, UploadFile
from fastapi.responses import Response

from faceml.errors import WrongUse
from faceml.services.decisions.people import hide_person, merge_people, rename_person, unhide_person
from faceml.services.decisions.private import describe_person, erase_person, relate_people
from faceml.services.decisions.undo import undo
from faceml.services.exchange.import_labels import MOST_PICTURES, enrol
from faceml.services.review.browse import list_people, show_person
from serving.deps import Shared, router_for
from serving.limits import KB
from serving.openapi import PAGED, problems
from serving.schemas import persons
from serving.schemas.base import FacesPage, Name

router = router_for("persons")
REFUSED = problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
PICTURES: Any = {"max_files": MOST_PICTURES, "max_fields": 10, "max_part_size": 2 * KB}  # a name of 255 letters


@router.get("/persons", response_model=persons.PersonListResponse, responses=PAGED)
async def list_persons(request: Request, service: Shared, query: Annotated[persons.PersonQuery, Query()]) -> Response:
    """List persons, most faces first."""
    return await service.page(
        request,
        lambda: list_people(service.library.repository, status=query.status, **query.given()),
        persons.PersonListResponse.of,
    )


@router.get("/persons/{person_id}", response_model=persons.PersonDetailResponse, responses={**PAGED, **REFUSED})
async def get_person(
    request: Request, service: Shared, person_id: UUID, query: Annotated[FacesPage, Query()]
) -> Response:
    """Get one person with a page of their faces; who was merged answers with whom they became."""
    return await service.page(
        request,
        lambda: show_person(service.library.repository, person_id, **query.given()),
        lambda found: persons.PersonDetailResponse.of_details(found, query),
    )


@router.post("/persons/enrol", response_model=persons.EnrolResponse, responses=REFUSED, form_limits=PICTURES)
async def enrol_person(
    service: Shared,
    photos: Annotated[list[UploadFile], File(description="JPEG, PNG, WebP, HEIC, AVIF, TIFF, BMP or GIF")],
    name: Annotated[Name | None, Form(description="of the person, who is new where nobody has it")] = None,
    person_id: Annotated[UUID | None, Form(alias="personId", description="instead of the name")] = None,
    face: Annotated[int | None, Form(ge=1, le=1_000, description="which face of one picture, 1: leftmost")] = None,
) -> Response:
    """Let a person be known by pictures, which the library keeps; each is taken, or refused with the reason."""
    who = name or person_id
    if who is None or (name and person_id):
        raise WrongUse("say who is on the pictures: by a name, or by a personId")
    return await service.compute(
        lambda: enrol(
            service.library,
            who,
            [(photo.filename or "", photo.file.read()) for photo in photos],
            face=face,
            actor=service.actor,
        ),
        persons.EnrolResponse.of,
    )


@router.post("/persons/{person_id}/merge", response_model=persons.MergePersonsResponse, responses=REFUSED)
async def merge(service: Shared, person_id: UUID, body: persons.MergePersonsRequest) -> Response:
    """Merge one person into another: they are the same, called by the other's name."""
    return await service.decide(
        lambda: merge_people(service.library, person_id, body.into_person_id, actor=service.actor),
        persons.MergePersonsResponse.of,
    )


@router.post("/persons/{person_id}/rename", response_model=persons.RenamePersonResponse, responses=REFUSED)
async def rename(service: Shared, person_id: UUID, body: persons.RenamePersonRequest) -> Response:
    """Give a person another name."""
    return await service.decide(
        lambda: rename_person(service.library, person_id, body.name, actor=service.actor),
        persons.RenamePersonResponse.of,
    )


@router.patch("/persons/{person_id}", response_model=persons.DescribePersonResponse, responses=REFUSED)
async def describe(service: Shared, person_id: UUID, body: persons.DescribePersonRequest) -> Response:
    """Write down when a person was born and died, a note, and what else they are called."""
    return await service.decide(
        lambda: describe_person(service.library, person_id, **body.said(), actor=service.actor),
        persons.DescribePersonResponse.of,
    )


@router.post("/persons/{person_id}/relate", response_model=persons.RelatePersonResponse, responses=REFUSED)
async def relate(service: Shared, person_id: UUID, body: persons.RelatePersonRequest) -> Response:
    """Say what another person is to this one; relatives are never taken for one person."""
    return await service.decide(
        lambda: relate_people(service.library, person_id, body.other_person_id, body.kin, actor=service.actor),
        persons.RelatePersonResponse.of,
    )


@router.post("/persons/{person_id}/hide", response_model=persons.PersonStatusResponse, responses=REFUSED)
async def hide(service: Shared, person_id: UUID) -> Response:
    """Leave a person out of lists and recognition; their faces stay theirs."""
    return await service.decide(
        lambda: hide_person(service.library, person_id, actor=service.actor), persons.PersonStatusResponse.of
    )


@router.post("/persons/{person_id}/unhide", response_model=persons.PersonStatusResponse, responses=REFUSED)
async def unhide(service: Shared, person_id: UUID) -> Response:
    """Bring a hidden person back."""
    return await service.decide(
        lambda: unhide_person(service.library, person_id, actor=service.actor), persons.PersonStatusResponse.of
    )


@router.delete("/persons/{person_id}", response_model=persons.ErasePersonResponse, responses=REFUSED)
async def erase(service: Shared, person_id: UUID, query: Annotated[persons.EraseQuery, Query()]) -> Response:
    """Erase a person for good; without `confirm=true` nothing is erased, and the answer says what would be."""
    return await service.run(
        lambda: persons.ErasePersonResponse.of(
            erase_person(service.library, person_id, is_confirmed=query.confirm, actor=service.actor)
        )
    )


@router.post("/undo", response_model=persons.UndoResponse, responses=REFUSED)
async def undo_decision(
    service: Shared, body: Annotated[persons.UndoRequest, Body(default_factory=persons.UndoRequest)]
) -> Response:
    """Take a decision back, or an undo; without `eventId` the latest decision that stands."""
    return await service.decide(
        lambda: undo(service.library, body.event_id, actor=service.actor), persons.UndoResponse.of
    )
