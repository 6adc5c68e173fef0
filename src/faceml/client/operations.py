"""Made by `python -m serving.typed_client`: one method for each of the API's operations."""

from __future__ import annotations

from typing import Any, Literal, Protocol, Unpack

from faceml.client.shapes import (
    AlikeResponse,
    AnswerRequest,
    AnswerResponse,
    AppliedResponse,
    AssignedBy,
    AssignFaceResponse,
    BurstsResponse,
    By,
    ChangesResponse,
    ClusterDetailResponse,
    ClusteringResultResponse,
    ClusterListResponse,
    CorrectBoxRequest,
    CoverRequest,
    CoverResponse,
    DescribePersonRequest,
    DescribePersonResponse,
    DetectFacesRequest,
    DetectFacesResponse,
    DetectionEffectResponse,
    DrawFaceRequest,
    DrawFaceResponse,
    DualClusterRequest,
    DualClusterResponse,
    EnrolResponse,
    ErasePersonResponse,
    EventsResponse,
    ExemplarsRequest,
    ExemplarsResponse,
    ExplanationResponse,
    FaceInstanceListResponse,
    FitMatcherRequest,
    FitMatcherResponse,
    ForgetMissingResponse,
    GridDecisionRequest,
    GridDecisionResponse,
    GridResponse,
    GroupingEffectResponse,
    GroupSort,
    GroupsResponse,
    HealthResponse,
    HistogramResponse,
    HistoryResponse,
    IdentifyResponse,
    JobQueuedResponse,
    JobResponse,
    LabelClusterRequest,
    LabelClusterResponse,
    LikeFaceRequest,
    MapResponse,
    MergePersonsRequest,
    MergePersonsResponse,
    MissingPhotosResponse,
    ModelResponse,
    NamesResponse,
    PersonById,
    PersonByName,
    PersonDetailResponse,
    PersonListResponse,
    PersonStatus,
    PersonStatusResponse,
    PhotoResponse,
    PhotosWithResponse,
    Place,
    PlacesResponse,
    ProjectRequest,
    ProjectResponse,
    Quantity,
    ReadyResponse,
    RecognitionEffectResponse,
    RedoRequest,
    RejectFaceResponse,
    RelatePersonRequest,
    RelatePersonResponse,
    RenamePersonRequest,
    RenamePersonResponse,
    ReviewResponse,
    SearchRequest,
    SearchResponse,
    Sort,
    SplitClusterRequest,
    SplitClusterResponse,
    SplitPreviewResponse,
    SuggestionsResponse,
    SuggestRequest,
    SuggestResponse,
    TakenAwayResponse,
    ThumbnailsRequest,
    TilesRequest,
    TilesResponse,
    TimelineResponse,
    TogetherResponse,
    TrainFaceMatchingRequest,
    TrainFaceMatchingResponse,
    TriggerClusteringRequest,
    TuneDetectionRequest,
    TuneGroupingRequest,
    TuneRecognitionRequest,
    TuneStartResponse,
    UnassignFaceResponse,
    UndoRequest,
    UndoResponse,
    UnreadableListResponse,
)


class Operations(Protocol):
    """What a client of faceml's REST API can ask for; arguments that are not given are the service's to choose."""

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, Any] | None = None,
        body: Any = None,
        photo: bytes | None = None,
        photos: list[bytes] | None = None,
        form: dict[str, Any] | None = None,
    ) -> Any:
        """Send a request; what it answers, as JSON says it, or bytes."""

    def get_model(self) -> ModelResponse:
        """Get which projection answers are made with, and since when."""
        answer: ModelResponse = self.ask("GET", "/api/v1/faces/model")
        return answer

    def project(self, **body: Unpack[ProjectRequest]) -> ProjectResponse:
        """Project embeddings of the library's model pack; where no projection is registered they come back as …"""
        answer: ProjectResponse = self.ask("POST", "/api/v1/faces/project", body=body)
        return answer

    def list_places(self) -> PlacesResponse:
        """List where faces are to be found, with counts: to name, unconfirmed, unknown, people and so on."""
        answer: PlacesResponse = self.ask("GET", "/api/v1/faces/places")
        return answer

    def list_grid(
        self,
        *,
        place: Place | None = None,
        cluster_id: str | None = None,
        person_id: str | None = None,
        since: str | None = None,
        until: str | None = None,
        day: str | None = None,
        folder: str | None = None,
        min_quality: float | None = None,
        max_quality: float | None = None,
        min_size: int | None = None,
        min_confidence: float | None = None,
        min_sharpness: float | None = None,
        max_yaw: float | None = None,
        max_pitch: float | None = None,
        max_roll: float | None = None,
        min_exposure: float | None = None,
        max_exposure: float | None = None,
        max_occlusion: float | None = None,
        min_rating: float | None = None,
        min_similarity: float | None = None,
        max_similarity: float | None = None,
        assigned_by: AssignedBy | None = None,
        text: str | None = None,
        sort: Sort | None = None,
        descending: bool | None = None,
        offset: int | None = None,
        limit: int | None = None,
    ) -> GridResponse:
        """List faces, in whichever order: any page, however deep, takes milliseconds."""
        answer: GridResponse = self.ask(
            "GET",
            "/api/v1/faces/grid",
            query={
                "place": place,
                "clusterId": cluster_id,
                "personId": person_id,
                "since": since,
                "until": until,
                "day": day,
                "folder": folder,
                "minQuality": min_quality,
                "maxQuality": max_quality,
                "minSize": min_size,
                "minConfidence": min_confidence,
                "minSharpness": min_sharpness,
                "maxYaw": max_yaw,
                "maxPitch": max_pitch,
                "maxRoll": max_roll,
                "minExposure": min_exposure,
                "maxExposure": max_exposure,
                "maxOcclusion": max_occlusion,
                "minRating": min_rating,
                "minSimilarity": min_similarity,
                "maxSimilarity": max_similarity,
                "assignedBy": assigned_by,
                "text": text,
                "sort": sort,
                "descending": descending,
                "offset": offset,
                "limit": limit,
            },
        )
        return answer

    def list_groups(
        self,
        *,
        place: Place | None = None,
        cluster_id: str | None = None,
        person_id: str | None = None,
        since: str | None = None,
        until: str | None = None,
        day: str | None = None,
        folder: str | None = None,
        min_quality: float | None = None,
        max_quality: float | None = None,
        min_size: int | None = None,
        min_confidence: float | None = None,
        min_sharpness: float | None = None,
        max_yaw: float | None = None,
        max_pitch: float | None = None,
        max_roll: float | None = None,
        min_exposure: float | None = None,
        max_exposure: float | None = None,
        max_occlusion: float | None = None,
        min_rating: float | None = None,
        min_similarity: float | None = None,
        max_similarity: float | None = None,
        assigned_by: AssignedBy | None = None,
        text: str | None = None,
        sort: Sort | None = None,
        descending: bool | None = None,
        by: By | None = None,
        order: GroupSort | None = None,
        offset: int | None = None,
        limit: int | None = None,
    ) -> GroupsResponse:
        """List faces put together: clusters with whom they resemble, people, or days."""
        answer: GroupsResponse = self.ask(
            "GET",
            "/api/v1/faces/grid/groups",
            query={
                "place": place,
                "clusterId": cluster_id,
                "personId": person_id,
                "since": since,
                "until": until,
                "day": day,
                "folder": folder,
                "minQuality": min_quality,
                "maxQuality": max_quality,
                "minSize": min_size,
                "minConfidence": min_confidence,
                "minSharpness": min_sharpness,
                "maxYaw": max_yaw,
                "maxPitch": max_pitch,
                "maxRoll": max_roll,
                "minExposure": min_exposure,
                "maxExposure": max_exposure,
                "maxOcclusion": max_occlusion,
                "minRating": min_rating,
                "minSimilarity": min_similarity,
                "maxSimilarity": max_similarity,
                "assignedBy": assigned_by,
                "text": text,
                "sort": sort,
                "descending": descending,
                "by": by,
                "order": order,
                "offset": offset,
                "limit": limit,
            },
        )
        return answer

    def count_in_bins(
        self,
        *,
        place: Place | None = None,
        cluster_id: str | None = None,
        person_id: str | None = None,
        since: str | None = None,
        until: str | None = None,
        day: str | None = None,
        folder: str | None = None,
        min_quality: float | None = None,
        max_quality: float | None = None,
        min_size: int | None = None,
        min_confidence: float | None = None,
        min_sharpness: float | None = None,
        max_yaw: float | None = None,
        max_pitch: float | None = None,
        max_roll: float | None = None,
        min_exposure: float | None = None,
        max_exposure: float | None = None,
        max_occlusion: float | None = None,
        min_rating: float | None = None,
        min_similarity: float | None = None,
        max_similarity: float | None = None,
        assigned_by: AssignedBy | None = None,
        text: str | None = None,
        sort: Sort | None = None,
        descending: bool | None = None,
        of: Quantity | None = None,
        bins: int | None = None,
    ) -> HistogramResponse:
        """Count faces by similarity, quality or size."""
        answer: HistogramResponse = self.ask(
            "GET",
            "/api/v1/faces/grid/histogram",
            query={
                "place": place,
                "clusterId": cluster_id,
                "personId": person_id,
                "since": since,
                "until": until,
                "day": day,
                "folder": folder,
                "minQuality": min_quality,
                "maxQuality": max_quality,
                "minSize": min_size,
                "minConfidence": min_confidence,
                "minSharpness": min_sharpness,
                "maxYaw": max_yaw,
                "maxPitch": max_pitch,
                "maxRoll": max_roll,
                "minExposure": min_exposure,
                "maxExposure": max_exposure,
                "maxOcclusion": max_occlusion,
                "minRating": min_rating,
                "minSimilarity": min_similarity,
                "maxSimilarity": max_similarity,
                "assignedBy": assigned_by,
                "text": text,
                "sort": sort,
                "descending": descending,
                "of": of,
                "bins": bins,
            },
        )
        return answer

    def count_by_day(
        self,
        *,
        place: Place | None = None,
        cluster_id: str | None = None,
        person_id: str | None = None,
        since: str | None = None,
        until: str | None = None,
        day: str | None = None,
        folder: str | None = None,
        min_quality: float | None = None,
        max_quality: float | None = None,
        min_size: int | None = None,
        min_confidence: float | None = None,
        min_sharpness: float | None = None,
        max_yaw: float | None = None,
        max_pitch: float | None = None,
        max_roll: float | None = None,
        min_exposure: float | None = None,
        max_exposure: float | None = None,
        max_occlusion: float | None = None,
        min_rating: float | None = None,
        min_similarity: float | None = None,
        max_similarity: float | None = None,
        assigned_by: AssignedBy | None = None,
        text: str | None = None,
        sort: Sort | None = None,
        descending: bool | None = None,
    ) -> TimelineResponse:
        """Count faces by the day on which their photo was taken."""
        answer: TimelineResponse = self.ask(
            "GET",
            "/api/v1/faces/grid/timeline",
            query={
                "place": place,
                "clusterId": cluster_id,
                "personId": person_id,
                "since": since,
                "until": until,
                "day": day,
                "folder": folder,
                "minQuality": min_quality,
                "maxQuality": max_quality,
                "minSize": min_size,
                "minConfidence": min_confidence,
                "minSharpness": min_sharpness,
                "maxYaw": max_yaw,
                "maxPitch": max_pitch,
                "maxRoll": max_roll,
                "minExposure": min_exposure,
                "maxExposure": max_exposure,
                "maxOcclusion": max_occlusion,
                "minRating": min_rating,
                "minSimilarity": min_similarity,
                "maxSimilarity": max_similarity,
                "assignedBy": assigned_by,
                "text": text,
                "sort": sort,
                "descending": descending,
            },
        )
        return answer

    def thumbnails(self, **body: Unpack[ThumbnailsRequest]) -> bytes:
        """Get many faces as small square pictures: of each the length in four bytes (little-endian), then a JPEG."""
        answer: bytes = self.ask("POST", "/api/v1/faces/grid/thumbnails", body=body)
        return answer

    def decide(self, **body: Unpack[GridDecisionRequest]) -> GridDecisionResponse:
        """Decide about many faces at once: one decision, which one undo takes back. Faces that changed since …"""
        answer: GridDecisionResponse = self.ask("POST", "/api/v1/faces/grid/decide", body=body)
        return answer

    def list_changes(self, *, since: int | None = None) -> ChangesResponse:
        """List what was decided since an event, here or anywhere else."""
        answer: ChangesResponse = self.ask("GET", "/api/v1/faces/changes", query={"since": since})
        return answer

    def list_history(self, *, limit: int | None = None) -> HistoryResponse:
        """List the latest decisions, newest first."""
        answer: HistoryResponse = self.ask("GET", "/api/v1/faces/history", query={"limit": limit})
        return answer

    def redo_decision(self, **body: Unpack[RedoRequest]) -> UndoResponse:
        """Make a decision again that was taken back; without `eventId` the latest."""
        answer: UndoResponse = self.ask("POST", "/api/v1/faces/redo", body=body)
        return answer

    def list_names(self) -> NamesResponse:
        """List the names of all people who are not hidden, to complete what somebody types."""
        answer: NamesResponse = self.ask("GET", "/api/v1/faces/persons/names")
        return answer

    def choose_picture(self, person_id: str, **body: Unpack[CoverRequest]) -> CoverResponse:
        """Choose the face that is a person's picture."""
        answer: CoverResponse = self.ask("POST", f"/api/v1/faces/persons/{person_id}/cover", body=body)
        return answer

    def suggest_for_faces(self, **body: Unpack[SuggestRequest]) -> SuggestResponse:
        """Suggest whom some faces show together."""
        answer: SuggestResponse = self.ask("POST", "/api/v1/faces/grid/suggest", body=body)
        return answer

    def search_by_photo(self, photo: bytes, *, limit: int | None = None) -> SearchResponse:
        """Find the faces most like those on an uploaded photo, named or not; nothing of it is kept."""
        answer: SearchResponse = self.ask("POST", "/api/v1/faces/grid/search", query={"limit": limit}, photo=photo)
        return answer

    def search_by_face(self, **body: Unpack[LikeFaceRequest]) -> SearchResponse:
        """Find the faces most like one of the library, named or not."""
        answer: SearchResponse = self.ask("POST", "/api/v1/faces/grid/like", body=body)
        return answer

    def map_faces(
        self,
        *,
        place: Place | None = None,
        cluster_id: str | None = None,
        person_id: str | None = None,
        since: str | None = None,
        until: str | None = None,
        day: str | None = None,
        folder: str | None = None,
        min_quality: float | None = None,
        max_quality: float | None = None,
        min_size: int | None = None,
        min_confidence: float | None = None,
        min_sharpness: float | None = None,
        max_yaw: float | None = None,
        max_pitch: float | None = None,
        max_roll: float | None = None,
        min_exposure: float | None = None,
        max_exposure: float | None = None,
        max_occlusion: float | None = None,
        min_rating: float | None = None,
        min_similarity: float | None = None,
        max_similarity: float | None = None,
        assigned_by: AssignedBy | None = None,
        text: str | None = None,
        sort: Sort | None = None,
        descending: bool | None = None,
        most: int | None = None,
    ) -> MapResponse:
        """Get faces as points on a plane, near each other where they look alike; no vector leaves the library."""
        answer: MapResponse = self.ask(
            "GET",
            "/api/v1/faces/grid/map",
            query={
                "place": place,
                "clusterId": cluster_id,
                "personId": person_id,
                "since": since,
                "until": until,
                "day": day,
                "folder": folder,
                "minQuality": min_quality,
                "maxQuality": max_quality,
                "minSize": min_size,
                "minConfidence": min_confidence,
                "minSharpness": min_sharpness,
                "maxYaw": max_yaw,
                "maxPitch": max_pitch,
                "maxRoll": max_roll,
                "minExposure": min_exposure,
                "maxExposure": max_exposure,
                "maxOcclusion": max_occlusion,
                "minRating": min_rating,
                "minSimilarity": min_similarity,
                "maxSimilarity": max_similarity,
                "assignedBy": assigned_by,
                "text": text,
                "sort": sort,
                "descending": descending,
                "most": most,
            },
        )
        return answer

    def list_tiles(self, **body: Unpack[TilesRequest]) -> TilesResponse:
        """Get these faces as the grid shows them, in this order; those that are gone are left out."""
        answer: TilesResponse = self.ask("POST", "/api/v1/faces/grid/tiles", body=body)
        return answer

    def begin_tuning(self) -> TuneStartResponse:
        """Get what to begin with: the threshold in use, and what tells people apart."""
        answer: TuneStartResponse = self.ask("GET", "/api/v1/faces/tune")
        return answer

    def preview_detection(self, **body: Unpack[TuneDetectionRequest]) -> DetectionEffectResponse:
        """Count the faces that these bounds would keep; nothing is changed."""
        answer: DetectionEffectResponse = self.ask("POST", "/api/v1/faces/tune/detection", body=body)
        return answer

    def apply_detection(self, **body: Unpack[TuneDetectionRequest]) -> GridDecisionResponse:
        """Dismiss the faces below these bounds that nobody decided about: one decision, which one undo takes back."""
        answer: GridDecisionResponse = self.ask("POST", "/api/v1/faces/tune/detection/apply", body=body)
        return answer

    def preview_grouping(self, **body: Unpack[TuneGroupingRequest]) -> GroupingEffectResponse:
        """Group the faces that nobody named as these options would, or a sample of them; nothing is changed."""
        answer: GroupingEffectResponse = self.ask("POST", "/api/v1/faces/tune/grouping", body=body)
        return answer

    def apply_grouping(self, **body: Unpack[TuneGroupingRequest]) -> AppliedResponse:
        """Group the faces that nobody named, recorded as a run."""
        answer: AppliedResponse = self.ask("POST", "/api/v1/faces/tune/grouping/apply", body=body)
        return answer

    def preview_recognition(self, **body: Unpack[TuneRecognitionRequest]) -> RecognitionEffectResponse:
        """Match faces as these options would; nothing is changed."""
        answer: RecognitionEffectResponse = self.ask("POST", "/api/v1/faces/tune/recognition", body=body)
        return answer

    def apply_recognition(self, **body: Unpack[TuneRecognitionRequest]) -> AppliedResponse:
        """Put faces under whom they match, recorded as a run."""
        answer: AppliedResponse = self.ask("POST", "/api/v1/faces/tune/recognition/apply", body=body)
        return answer

    def view_photo(self, asset_id: int) -> PhotoResponse:
        """Get what is known of a photo: file, date, camera, its faces with their boxes, and the photos beside it."""
        answer: PhotoResponse = self.ask("GET", f"/api/v1/faces/assets/{asset_id}/view")
        return answer

    def picture(self, asset_id: int, *, size: int | None = None, at_s: float | None = None) -> bytes:
        """Get a photo, or a picture of a video, as a JPEG, upright."""
        answer: bytes = self.ask("GET", f"/api/v1/faces/assets/{asset_id}/picture", query={"size": size, "atS": at_s})
        return answer

    def play(self, asset_id: int) -> bytes:
        """Get a video's file, whole or by ranges, to play it."""
        answer: bytes = self.ask("GET", f"/api/v1/faces/assets/{asset_id}/video")
        return answer

    def draw(self, asset_id: int, **body: Unpack[DrawFaceRequest]) -> DrawFaceResponse:
        """Draw a face where none was found, and say whose it is; detection keeps it."""
        answer: DrawFaceResponse = self.ask("POST", f"/api/v1/faces/assets/{asset_id}/faces", body=body)
        return answer

    def correct(self, face_id: str, **body: Unpack[CorrectBoxRequest]) -> DrawFaceResponse:
        """Correct the box of a face. The answer's face takes its place, under whom it was."""
        answer: DrawFaceResponse = self.ask("POST", f"/api/v1/faces/faces/{face_id}/box", body=body)
        return answer

    def take_face_away(self, face_id: str) -> TakenAwayResponse:
        """Say that this is no face: one that was drawn is gone, one that was found is dismissed; undo brings it …"""
        answer: TakenAwayResponse = self.ask("DELETE", f"/api/v1/faces/faces/{face_id}")
        return answer

    def list_face_clusters(
        self,
        *,
        page: int | None = None,
        page_size: int | None = None,
        after: str | None = None,
        include_labeled: bool | None = None,
    ) -> ClusterListResponse:
        """List face clusters, largest first."""
        answer: ClusterListResponse = self.ask(
            "GET",
            "/api/v1/faces/clusters",
            query={"page": page, "pageSize": page_size, "after": after, "includeLabeled": include_labeled},
        )
        return answer

    def get_cluster(
        self, cluster_id: str, *, page: int | None = None, page_size: int | None = None, after: str | None = None
    ) -> ClusterDetailResponse:
        """Get one cluster with all its faces, best quality first; those of a very large one come in pages."""
        answer: ClusterDetailResponse = self.ask(
            "GET", f"/api/v1/faces/clusters/{cluster_id}", query={"page": page, "pageSize": page_size, "after": after}
        )
        return answer

    def label(self, cluster_id: str, **body: Unpack[LabelClusterRequest]) -> LabelClusterResponse:
        """Label a cluster with a person's name, creating the person if needed."""
        answer: LabelClusterResponse = self.ask("POST", f"/api/v1/faces/clusters/{cluster_id}/label", body=body)
        return answer

    def split(self, cluster_id: str, **body: Unpack[SplitClusterRequest]) -> SplitClusterResponse:
        """Split a cluster into the parts that it falls apart into."""
        answer: SplitClusterResponse = self.ask("POST", f"/api/v1/faces/clusters/{cluster_id}/split", body=body)
        return answer

    def preview_of_split(self, cluster_id: str, *, min_cluster_size: int | None = None) -> SplitPreviewResponse:
        """Show the parts that a split would make; nothing is changed."""
        answer: SplitPreviewResponse = self.ask(
            "GET", f"/api/v1/faces/clusters/{cluster_id}/split", query={"minClusterSize": min_cluster_size}
        )
        return answer

    def cluster(self, **body: Unpack[TriggerClusteringRequest]) -> ClusteringResultResponse | JobQueuedResponse:
        """Group the faces that nobody named."""
        answer: ClusteringResultResponse | JobQueuedResponse = self.ask("POST", "/api/v1/faces/cluster", body=body)
        return answer

    def cluster_in_dual_mode(self, **body: Unpack[DualClusterRequest]) -> DualClusterResponse | JobQueuedResponse:
        """Put faces under the people they match, then group the others."""
        answer: DualClusterResponse | JobQueuedResponse = self.ask("POST", "/api/v1/faces/cluster/dual", body=body)
        return answer

    def list_persons(
        self,
        *,
        page: int | None = None,
        page_size: int | None = None,
        after: str | None = None,
        status: PersonStatus | None = None,
    ) -> PersonListResponse:
        """List persons, most faces first."""
        answer: PersonListResponse = self.ask(
            "GET",
            "/api/v1/faces/persons",
            query={"page": page, "pageSize": page_size, "after": after, "status": status},
        )
        return answer

    def get_person(
        self, person_id: str, *, page: int | None = None, page_size: int | None = None, after: str | None = None
    ) -> PersonDetailResponse:
        """Get one person with a page of their faces; who was merged answers with whom they became."""
        answer: PersonDetailResponse = self.ask(
            "GET", f"/api/v1/faces/persons/{person_id}", query={"page": page, "pageSize": page_size, "after": after}
        )
        return answer

    def describe(self, person_id: str, **body: Unpack[DescribePersonRequest]) -> DescribePersonResponse:
        """Write down when a person was born and died, a note, and what else they are called."""
        answer: DescribePersonResponse = self.ask("PATCH", f"/api/v1/faces/persons/{person_id}", body=body)
        return answer

    def erase(self, person_id: str, *, confirm: bool | None = None) -> ErasePersonResponse:
        """Erase a person for good; without `confirm=true` nothing is erased, and the answer says what would be."""
        answer: ErasePersonResponse = self.ask(
            "DELETE", f"/api/v1/faces/persons/{person_id}", query={"confirm": confirm}
        )
        return answer

    def enrol_person(
        self, photos: list[bytes], *, name: str | None = None, person_id: str | None = None, face: int | None = None
    ) -> EnrolResponse:
        """Let a person be known by pictures, which the library keeps; each is taken, or refused with the reason."""
        answer: EnrolResponse = self.ask(
            "POST",
            "/api/v1/faces/persons/enrol",
            photos=photos,
            form={"name": name, "personId": person_id, "face": face},
        )
        return answer

    def merge(self, person_id: str, **body: Unpack[MergePersonsRequest]) -> MergePersonsResponse:
        """Merge one person into another: they are the same, called by the other's name."""
        answer: MergePersonsResponse = self.ask("POST", f"/api/v1/faces/persons/{person_id}/merge", body=body)
        return answer

    def rename(self, person_id: str, **body: Unpack[RenamePersonRequest]) -> RenamePersonResponse:
        """Give a person another name."""
        answer: RenamePersonResponse = self.ask("POST", f"/api/v1/faces/persons/{person_id}/rename", body=body)
        return answer

    def relate(self, person_id: str, **body: Unpack[RelatePersonRequest]) -> RelatePersonResponse:
        """Say what another person is to this one; relatives are never taken for one person."""
        answer: RelatePersonResponse = self.ask("POST", f"/api/v1/faces/persons/{person_id}/relate", body=body)
        return answer

    def hide(self, person_id: str) -> PersonStatusResponse:
        """Leave a person out of lists and recognition; their faces stay theirs."""
        answer: PersonStatusResponse = self.ask("POST", f"/api/v1/faces/persons/{person_id}/hide")
        return answer

    def unhide(self, person_id: str) -> PersonStatusResponse:
        """Bring a hidden person back."""
        answer: PersonStatusResponse = self.ask("POST", f"/api/v1/faces/persons/{person_id}/unhide")
        return answer

    def undo_decision(self, **body: Unpack[UndoRequest]) -> UndoResponse:
        """Take a decision back, or an undo; without `eventId` the latest decision that stands."""
        answer: UndoResponse = self.ask("POST", "/api/v1/faces/undo", body=body)
        return answer

    def detect(self, asset_id: int, **body: Unpack[DetectFacesRequest]) -> DetectFacesResponse | JobQueuedResponse:
        """Detect faces in a photo of the library, looked at before or not."""
        answer: DetectFacesResponse | JobQueuedResponse = self.ask(
            "POST", f"/api/v1/faces/detect/{asset_id}", body=body
        )
        return answer

    def list_missing_photos(self) -> MissingPhotosResponse:
        """List photos whose files were gone when their folder was last ingested; their faces are in no other …"""
        answer: MissingPhotosResponse = self.ask("GET", "/api/v1/faces/assets/missing")
        return answer

    def forget_missing_photos(self, *, confirm: bool | None = None) -> ForgetMissingResponse:
        """Forget missing photos and their faces for good; without `confirm=true` the answer says what that would …"""
        answer: ForgetMissingResponse = self.ask("DELETE", "/api/v1/faces/assets/missing", query={"confirm": confirm})
        return answer

    def list_faces_of_asset(self, asset_id: int) -> FaceInstanceListResponse:
        """Get all detected faces of a photo, from left to right."""
        answer: FaceInstanceListResponse = self.ask("GET", f"/api/v1/faces/assets/{asset_id}")
        return answer

    def list_unreadable_photos(
        self, *, page: int | None = None, page_size: int | None = None, after: str | None = None
    ) -> UnreadableListResponse:
        """List the photos that could not be read when they were looked at last, with the reason."""
        answer: UnreadableListResponse = self.ask(
            "GET", "/api/v1/faces/unreadable", query={"page": page, "pageSize": page_size, "after": after}
        )
        return answer

    def identify(
        self,
        photo: bytes,
        *,
        threshold: float | Literal["auto"] | str | None = None,
        matcher: Literal["champion", "challenger", "plain"] | str | int | None = None,
        detection_size: Literal["auto", "320", "640", "1024", "1600"] | Literal[320, 640, 1024, 1600] | None = None,
        min_confidence: float | None = None,
        min_face_size: int | None = None,
    ) -> IdentifyResponse:
        """Say who is on an uploaded photo; nothing of it is kept."""
        answer: IdentifyResponse = self.ask(
            "POST",
            "/api/v1/faces/identify",
            query={
                "threshold": threshold,
                "matcher": matcher,
                "detectionSize": detection_size,
                "minConfidence": min_confidence,
                "minFaceSize": min_face_size,
            },
            photo=photo,
        )
        return answer

    def thumbnail(self, face_id: str, *, size: int | None = None) -> bytes:
        """Get a face as a small square picture."""
        answer: bytes = self.ask("GET", f"/api/v1/faces/faces/{face_id}/thumbnail", query={"size": size})
        return answer

    def explain(self, face_id: str, *, model: str | None = None, matcher: str | None = None) -> ExplanationResponse:
        """Say why a face is under the person it is under, and whom it is like now."""
        answer: ExplanationResponse = self.ask(
            "GET", f"/api/v1/faces/faces/{face_id}/explanation", query={"model": model, "matcher": matcher}
        )
        return answer

    def assign(self, face_id: str, body: PersonById | PersonByName) -> AssignFaceResponse:
        """Say who a face is; a new name makes a new person."""
        answer: AssignFaceResponse = self.ask("POST", f"/api/v1/faces/faces/{face_id}/assign", body=body)
        return answer

    def unassign(self, face_id: str) -> UnassignFaceResponse:
        """Take a face from whom it is under; it stays without a name until a person gives it one."""
        answer: UnassignFaceResponse = self.ask("POST", f"/api/v1/faces/faces/{face_id}/unassign")
        return answer

    def reject(self, face_id: str, body: PersonById | PersonByName) -> RejectFaceResponse:
        """Say that a face is *not* this person, who is never proposed for it again."""
        answer: RejectFaceResponse = self.ask("POST", f"/api/v1/faces/faces/{face_id}/reject", body=body)
        return answer

    def list_photos_with(
        self, *, page: int | None = None, page_size: int | None = None, after: str | None = None, person_id: list[str]
    ) -> PhotosWithResponse:
        """List photos on which all of some people are, the newest first."""
        answer: PhotosWithResponse = self.ask(
            "GET",
            "/api/v1/faces/search/photos",
            query={"page": page, "pageSize": page_size, "after": after, "personId": person_id},
        )
        return answer

    def search_for_photos(self, **body: Unpack[SearchRequest]) -> AlikeResponse:
        """Find the photos with faces like all of some in the library, or as many of them as can be."""
        answer: AlikeResponse = self.ask("POST", "/api/v1/faces/search/photos", body=body)
        return answer

    def list_who_is_together(self, *, person_id: str | None = None, limit: int | None = None) -> TogetherResponse:
        """List who is on photos with whom, most photos first."""
        answer: TogetherResponse = self.ask(
            "GET", "/api/v1/faces/search/together", query={"personId": person_id, "limit": limit}
        )
        return answer

    def list_days(
        self, *, page: int | None = None, page_size: int | None = None, after: str | None = None
    ) -> EventsResponse:
        """List days, the folders that photos of them lie in, and who is on these."""
        answer: EventsResponse = self.ask(
            "GET", "/api/v1/faces/search/events", query={"page": page, "pageSize": page_size, "after": after}
        )
        return answer

    def list_photos_in_a_row(self, *, limit: int | None = None) -> BurstsResponse:
        """List photos with faces that were taken in a row, or are copies of each other; the largest bursts first."""
        answer: BurstsResponse = self.ask("GET", "/api/v1/faces/search/bursts", query={"limit": limit})
        return answer

    def search_for_faces(self, **body: Unpack[SearchRequest]) -> AlikeResponse:
        """Find the faces most like any of some in the library, named or not."""
        answer: AlikeResponse = self.ask("POST", "/api/v1/faces/search/faces", body=body)
        return answer

    def search_by_upload(
        self, photo: bytes, *, limit: int | None = None, by_photo: bool | None = None
    ) -> AlikeResponse:
        """Find faces like those on an uploaded photo, named or not, or photos with faces like all of them."""
        answer: AlikeResponse = self.ask(
            "POST", "/api/v1/faces/search/upload", query={"limit": limit, "byPhoto": by_photo}, photo=photo
        )
        return answer

    def suggest(
        self,
        *,
        kind: Literal["merges", "splits", "uncertain", "names", "intruders"] | None = None,
        limit: int | None = None,
        cluster_id: str | None = None,
        person_id: str | None = None,
        matcher: Literal["champion", "challenger", "plain"] | str | int | None = None,
        thorough: bool | None = None,
    ) -> SuggestionsResponse:
        """Suggest what to decide next: merges, splits, close calls, names of a cluster, faces that do not belong."""
        answer: SuggestionsResponse = self.ask(
            "GET",
            "/api/v1/faces/suggestions",
            query={
                "kind": kind,
                "limit": limit,
                "clusterId": cluster_id,
                "personId": person_id,
                "matcher": matcher,
                "thorough": thorough,
            },
        )
        return answer

    def list_questions(
        self,
        *,
        topic: Literal["probable", "same_person", "intruders", "close_calls", "recognised"] | None = None,
        round: int | None = None,
        limit: int | None = None,
    ) -> ReviewResponse:
        """List what is worth a question that a person answers with yes or no, the most useful first."""
        answer: ReviewResponse = self.ask(
            "GET", "/api/v1/faces/review", query={"topic": topic, "round": round, "limit": limit}
        )
        return answer

    def answer_question(self, **body: Unpack[AnswerRequest]) -> AnswerResponse:
        """Answer a question; a no is remembered, so that the same is not asked again."""
        answer: AnswerResponse = self.ask("POST", "/api/v1/faces/review/answer", body=body)
        return answer

    def set_exemplars(self, person_id: str, **body: Unpack[ExemplarsRequest]) -> ExemplarsResponse:
        """Choose the faces that a person is recognised by."""
        answer: ExemplarsResponse = self.ask("POST", f"/api/v1/faces/persons/{person_id}/exemplars", body=body)
        return answer

    def train(self, **body: Unpack[TrainFaceMatchingRequest]) -> TrainFaceMatchingResponse | JobQueuedResponse:
        """Train the projection on the labels that people gave."""
        answer: TrainFaceMatchingResponse | JobQueuedResponse = self.ask("POST", "/api/v1/faces/train", body=body)
        return answer

    def fit_matcher(self, **body: Unpack[FitMatcherRequest]) -> FitMatcherResponse | JobQueuedResponse:
        """Fit a matcher on the library and its labels; it is the challenger until it is promoted."""
        answer: FitMatcherResponse | JobQueuedResponse = self.ask("POST", "/api/v1/faces/fit-matcher", body=body)
        return answer

    def get_job(self, job_id: str) -> JobResponse:
        """Get the state, progress, result or error of a job."""
        answer: JobResponse = self.ask("GET", f"/api/v1/faces/jobs/{job_id}")
        return answer

    def health(self) -> HealthResponse:
        """Whether the service runs."""
        answer: HealthResponse = self.ask("GET", "/health")
        return answer

    def ready(self) -> ReadyResponse:
        """Whether each part answers; reasons are told to whoever has the key, or to everyone where no key is set."""
        answer: ReadyResponse = self.ask("GET", "/ready")
        return answer

    def metrics(self) -> str:
        """Counts and times for Prometheus."""
        answer: str = self.ask("GET", "/metrics")
        return answer
