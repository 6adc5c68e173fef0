"""Made by `python -m serving.typed_client`: what is sent and answered."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict

Action: TypeAlias = Literal["name", "confirm", "reject", "unassign", "dismiss", "restore"]


class AlikeFaceItem(TypedDict):
    faceId: str
    assetId: int
    path: str
    personId: str | None
    personName: str | None
    similarity: float


class AlikePhotoItem(TypedDict):
    assetId: int
    path: str
    faces: int
    similarity: float


class AlikeResponse(TypedDict):
    """Faces, or photos; the other list is empty."""

    asked: int
    comparedIn: str
    faces: list[AlikeFaceItem]
    photos: list[AlikePhotoItem]


class AnswerRequest(TypedDict):
    """A question as it was asked, and what a person says."""

    topic: Literal["probable", "same_person", "intruders", "close_calls", "recognised"]
    one: SideRequest
    other: SideRequest
    is_yes: bool
    name: NotRequired[str]


class AnswerResponse(TypedDict):
    eventIds: list[int]
    text: str


class AppliedResponse(TypedDict):
    """What a run did; it is recorded in MLflow."""

    figures: dict[str, float]
    notes: list[str]


class AssignFaceResponse(TypedDict):
    faceId: str
    personId: str
    personName: str
    prototypesCreated: int
    eventId: int


AssignedBy: TypeAlias = Literal["manual", "prototype"]


class Bin(TypedDict):
    low: float
    high: float
    faces: int


class BoundingBox(TypedDict):
    """Pixels of the upright photo."""

    x: int
    y: int
    width: int
    height: int


class BurstItem(TypedDict):
    photos: list[PhotoItem]


class BurstsResponse(TypedDict):
    bursts: list[BurstItem]


By: TypeAlias = Literal["cluster", "person", "day"]


class Candidate(TypedDict):
    personId: str
    personName: str
    similarity: float


class ChangesResponse(TypedDict):
    latestEvent: int
    revision: str
    faceIds: list[str] | None
    texts: list[str]


class ClusterDetailResponse(TypedDict):
    clusterId: str
    faces: list[FaceInstance]
    personId: str | None
    personName: str | None


class ClusterItem(TypedDict):
    clusterId: str
    faceCount: int
    sampleFaceIds: list[str]
    avgQuality: float
    personId: str | None
    personName: str | None


class ClusterListResponse(TypedDict):
    """A page of clusters, largest first."""

    items: list[ClusterItem]
    total: int
    page: int
    pageSize: int


class ClusteringResultResponse(TypedDict):
    totalFaces: int
    clustersFound: int
    noiseCount: int
    status: str


class CorrectBoxRequest(TypedDict):
    box: ShareBox


class CoverRequest(TypedDict):
    face_id: str


class CoverResponse(TypedDict):
    personId: str
    personName: str
    faceId: str
    eventId: int


class DayItem(TypedDict):
    day: str
    faces: int


class DescribePersonRequest(TypedDict):
    """What is left out stays as it is; null or empty is no longer known."""

    born: NotRequired[str | None]
    died: NotRequired[str | None]
    note: NotRequired[str | None]
    aliases: NotRequired[list[str] | None]


class DescribePersonResponse(TypedDict):
    personId: str
    personName: str
    born: str | None
    died: str | None
    note: str | None
    aliases: list[str]
    namesTakenBack: int
    eventId: int | None


class DetectFacesRequest(TypedDict):
    queue: NotRequired[bool]
    min_confidence: NotRequired[float]
    min_face_size: NotRequired[int]
    detection_size: NotRequired[Literal["auto", "320", "640", "1024", "1600"] | Literal[320, 640, 1024, 1600]]


class DetectFacesResponse(TypedDict):
    assetId: int
    facesDetected: int
    faceIds: list[str]


class DetectionEffectResponse(TypedDict):
    faces: int
    kept: int
    unsure: int
    small: int
    good: int
    undecided: int
    examples: list[ExampleItem]


Dismissal: TypeAlias = Literal["not_a_face", "stranger"]


class DrawFaceRequest(TypedDict):
    box: ShareBox
    name: NotRequired[str | None]


class DrawFaceResponse(TypedDict):
    faceId: str
    eventId: int
    personId: str | None
    personName: str | None


class DualClusterRequest(TypedDict):
    queue: NotRequired[bool]
    person_threshold: NotRequired[float | Literal["auto"] | str]
    unknown_method: NotRequired[Literal["hdbscan", "dbscan", "agglomerative", "linkage"]]
    unknown_min_cluster_size: NotRequired[int]
    unknown_eps: NotRequired[float]
    max_faces: NotRequired[int]
    one_face_a_photo: NotRequired[bool]
    model: NotRequired[Literal["champion", "challenger", "raw"] | str | int]
    matcher: NotRequired[Literal["champion", "challenger", "plain"] | str | int]
    unknown_min_samples: NotRequired[int]
    unknown_linkage: NotRequired[Literal["average", "complete", "single"]]
    unknown_metric: NotRequired[Literal["cosine", "euclidean"]]
    refit: NotRequired[bool]
    neighbours: NotRequired[Literal["auto", "exact", "approximate"]]


class DualClusterResponse(TypedDict):
    status: str
    supervised: SupervisedResult
    unsupervised: UnsupervisedResult
    total_faces: int
    execution_time_seconds: float


class EnrolResponse(TypedDict):
    personId: str | None
    personName: str | None
    enrolled: int
    refused: int
    prototypesCreated: int
    eventId: int | None
    pictures: list[EnrolledItem]


class EnrolledItem(TypedDict):
    """A picture as it was sent, or why it is refused: then nothing of it is kept."""

    name: str
    faceId: str | None
    assetId: int | None
    refused: Refusal | None
    reason: str | None
    faces: list[ShareBox]


class ErasePersonResponse(TypedDict):
    personId: str
    peopleErased: int
    facesErased: int
    embeddingsErased: int
    prototypesErased: int
    eventsRedacted: int
    indexBacklog: int
    notGoneYet: list[str]
    picturesErased: int


class EventItem(TypedDict):
    day: str
    folder: str
    photos: int
    people: list[str]


class EventsResponse(TypedDict):
    """A page of days and the folders that photos of them lie in, the newest first."""

    items: list[EventItem]
    total: int
    page: int
    pageSize: int


class ExampleItem(TypedDict):
    faceId: str
    change: str
    value: float
    otherId: str | None
    name: str


class ExemplarsRequest(TypedDict):
    """Without `faceIds` the best three are chosen anew."""

    face_ids: NotRequired[list[str] | None]


class ExemplarsResponse(TypedDict):
    personId: str
    personName: str
    exemplars: list[str]
    added: int
    removed: int
    eventId: int


class ExpectedItem(TypedDict):
    """Of the faces without a name that are probably one person's."""

    faceCount: int
    right: float


class ExplanationResponse(TypedDict):
    faceId: str
    personName: str | None
    assignedBy: str | None
    similarity: float | None
    threshold: float | None
    runnerUpName: str | None
    runnerUpSimilarity: float | None
    modelVersion: str | None
    ruledOut: list[str]
    takenOn: str | None
    age: int | None
    cannotBe: list[str]
    comparedIn: str
    nearest: list[NearPrototypeItem]
    scores: list[PersonScoreItem]
    note: str | None


class FaceFilterBody(TypedDict):
    """The same in a body, where a number is no text."""

    place: NotRequired[Place]
    cluster_id: NotRequired[str | None]
    person_id: NotRequired[str | None]
    since: NotRequired[str | None]
    until: NotRequired[str | None]
    day: NotRequired[str | None]
    folder: NotRequired[str | None]
    min_quality: NotRequired[float | None]
    max_quality: NotRequired[float | None]
    min_size: NotRequired[int | None]
    min_confidence: NotRequired[float | None]
    min_sharpness: NotRequired[float | None]
    max_yaw: NotRequired[float | None]
    max_pitch: NotRequired[float | None]
    max_roll: NotRequired[float | None]
    min_exposure: NotRequired[float | None]
    max_exposure: NotRequired[float | None]
    max_occlusion: NotRequired[float | None]
    min_rating: NotRequired[float | None]
    min_similarity: NotRequired[float | None]
    max_similarity: NotRequired[float | None]
    assigned_by: NotRequired[AssignedBy | None]
    text: NotRequired[str | None]
    sort: NotRequired[Sort]
    descending: NotRequired[bool]


class FaceInstance(TypedDict):
    id: str
    assetId: int
    bbox: BoundingBox
    detectionConfidence: float
    qualityScore: float
    clusterId: str | None
    personId: str | None
    personName: str | None
    createdAt: str


class FaceInstanceListResponse(TypedDict):
    """All faces of a photo, from left to right."""

    items: list[FaceInstance]
    total: int
    page: int
    pageSize: int


class FaceOnPhoto(TypedDict):
    """`personId` is null for a stranger, and for a face whose person a matcher found in another one of the photo;"""

    bbox: BoundingBox
    detectionConfidence: float
    qualityScore: float
    personId: str | None
    personName: str | None
    similarity: float | None
    best: Candidate | None
    secondBest: Candidate | None


class FalseMatchesItem(TypedDict):
    share: float
    atMost: float
    faces: int
    accepted: float


class FitMatcherRequest(TypedDict):
    queue: NotRequired[bool]


class FitMatcherResponse(TypedDict):
    status: str
    version: int
    people: int
    labelledFaces: int
    libraryFaces: int
    cohort: int
    isWhitened: bool
    thresholds: dict[str, float]
    promotes: bool
    reasons: list[str]
    seconds: float


class ForgetMissingResponse(TypedDict):
    photosForgotten: int
    facesForgotten: int
    facesNamed: int
    photosBack: int
    photosOffline: int
    indexBacklog: int
    notGoneYet: list[str]


class GridDecisionRequest(TypedDict):
    face_ids: NotRequired[list[str] | None]
    query: NotRequired[FaceFilterBody | None]
    action: Action
    except_ids: NotRequired[list[str]]
    left_out_ids: NotRequired[list[str]]
    name: NotRequired[str | None]
    person_id: NotRequired[str | None]
    dismissed_as: NotRequired[Dismissal]
    revision: NotRequired[str | None]
    force: NotRequired[bool]


class GridDecisionResponse(TypedDict):
    eventId: int
    facesChanged: int
    personId: str | None
    personName: str | None
    revision: str
    notes: list[str]


class GridResponse(TypedDict):
    total: int
    offset: int
    revision: str
    faces: list[TileItem]


GroupSort: TypeAlias = Literal["size", "name", "newest", "attention"]


class GroupingEffectResponse(TypedDict):
    faces: int
    facesInAll: int
    before: GroupsItem
    after: GroupsItem
    joined: int
    left: int
    moved: int
    examples: list[ExampleItem]
    modelVersion: str
    note: str | None


class GroupsItem(TypedDict):
    clusters: int
    grouped: int
    largest: int


class GroupsResponse(TypedDict):
    total: int
    groups: list[GridGroupItem]


class HealthResponse(TypedDict):
    status: str
    version: str


class HistogramResponse(TypedDict):
    bins: list[Bin]
    faces: int
    without: int


class HistoryItem(TypedDict):
    eventId: int
    at: str
    actor: str
    kind: str
    text: str
    undoneBy: int | None


class HistoryResponse(TypedDict):
    events: list[HistoryItem]


class IdentifyResponse(TypedDict):
    faces: list[FaceOnPhoto]
    width: int
    height: int
    threshold: float
    modelVersion: str
    notes: list[str]


class IntruderItem(TypedDict):
    faceId: str
    similarity: float
    misfit: float
    best: Candidate | None


class JobProgressItem(TypedDict):
    done: int
    total: int


class JobQueuedResponse(TypedDict):
    """The work was handed to the workers: `GET /jobs/{jobId}` follows it."""

    status: NotRequired[Literal["queued"]]
    jobId: str


class JobResponse(TypedDict):
    jobId: str
    name: str
    state: str
    progress: JobProgressItem | None
    result: dict[str, Any] | None
    note: str | None
    error: str | None
    createdAt: str
    startedAt: str | None
    endedAt: str | None
    attempts: int


Kin: TypeAlias = Literal["parent", "child", "sibling", "twin"]


class LabelClusterRequest(TypedDict):
    name: str


class LabelClusterResponse(TypedDict):
    personId: str
    personName: str
    facesLabeled: int
    prototypesCreated: int


class LikeFaceRequest(TypedDict):
    face_id: str
    limit: NotRequired[int]


class LikelyCandidate(TypedDict):
    personId: str
    personName: str
    similarity: float
    isLikely: bool


class MapGroupItem(TypedDict):
    key: str
    label: str
    isPerson: bool
    faces: int
    x: float
    y: float


class MapResponse(TypedDict):
    """Columns, row for row; places from 0 to 1. What lies near each other looks alike; larger distances mean littl"""

    total: int
    modelVersion: str
    faceIds: list[str]
    x: list[float]
    y: list[float]
    groups: list[int]
    largest: list[MapGroupItem]


class MergeItem(TypedDict):
    one: SuggestionsGroupItem
    other: SuggestionsGroupItem
    similarity: float
    meanSimilarity: float
    nearestSimilarity: float
    nearestFaceIds: list[str]


class MergePersonsRequest(TypedDict):
    into_person_id: str


class MergePersonsResponse(TypedDict):
    sourcePersonId: str
    targetPersonId: str
    facesMoved: int


class MissingPhoto(TypedDict):
    assetId: int
    faces: int
    since: str


class MissingPhotosResponse(TypedDict):
    missing: list[MissingPhoto]


class ModelResponse(TypedDict):
    modelVersion: str
    version: int | None
    matcher: str | None
    widthIn: int | None
    widthOut: int | None
    pack: str | None
    loadedAt: str
    note: str | None
    registryProblem: str | None


class NameItem(TypedDict):
    personId: str
    name: str
    faces: int


class NamesResponse(TypedDict):
    names: list[NameItem]


class NearPrototypeItem(TypedDict):
    personName: str
    role: str
    similarity: float
    faceId: str | None


class PairItem(TypedDict):
    personId: str
    personName: str
    otherId: str
    otherName: str
    photos: int
    first: str | None
    last: str | None


class PartItem(TypedDict):
    name: str
    isOk: bool
    isNeeded: bool
    reason: str | None


class PersonById(TypedDict):
    person_id: str


class PersonByName(TypedDict):
    name: str


class PersonDetailResponse(TypedDict):
    """One person, with a page of their faces, best quality first."""

    id: str
    name: str
    status: PersonStatus
    faceCount: int
    prototypeCount: int
    createdAt: str
    updatedAt: str
    alsoCalled: list[str]
    hasCentroid: bool
    exemplarFaceIds: list[str]
    born: str | None
    died: str | None
    note: str | None
    aliases: list[str]
    relatives: list[RelativeItem]
    ages: dict[str, int]
    faces: list[FaceInstance]
    page: int
    pageSize: int


class PersonItem(TypedDict):
    id: str
    name: str
    status: PersonStatus
    faceCount: int
    prototypeCount: int
    createdAt: str
    updatedAt: str


class PersonListResponse(TypedDict):
    """A page of people, most faces first."""

    items: list[PersonItem]
    total: int
    page: int
    pageSize: int


class PersonScoreItem(TypedDict):
    """`nearest` and `centre` are halves of cosines; with `face`, `person` and `group` they add up to `score`."""

    personName: str
    score: float
    nearest: float
    centre: float
    face: float
    person: float
    group: float


PersonStatus: TypeAlias = Literal["active", "merged", "hidden"]


class PersonStatusResponse(TypedDict):
    personId: str
    personName: str
    status: PersonStatus
    eventId: int


class PhotoItem(TypedDict):
    assetId: int
    path: str
    taken: str | None


class PhotoResponse(TypedDict):
    assetId: int
    name: str
    folder: str
    takenAt: str | None
    camera: str | None
    width: int
    height: int
    previous: int | None
    next: int | None
    faces: list[ShownFaceItem]
    durationS: float | None


class PhotosWithResponse(TypedDict):
    """A page of photos, the newest first."""

    items: list[PhotoItem]
    total: int
    page: int
    pageSize: int


Place: TypeAlias = Literal["to_name", "unconfirmed", "unknown", "people", "ignored", "hidden", "missing", "all"]


class PlaceItem(TypedDict):
    place: Place
    label: str
    faces: int
    groups: int


class PlacesResponse(TypedDict):
    places: list[PlaceItem]
    latestEvent: int
    revision: str


class Problem(TypedDict):
    """An error, as RFC 9457 describes them."""

    type: NotRequired[str]
    title: str
    status: int
    detail: str
    errors: NotRequired[list[dict[str, str]] | None]
    changed_face_ids: NotRequired[list[str] | None]


class ProjectRequest(TypedDict):
    """Unit vectors of the library's model pack, row by row."""

    embeddings: list[list[float]]


class ProjectResponse(TypedDict):
    modelVersion: str
    width: int
    embeddings: list[list[float]]


Quantity: TypeAlias = Literal["similarity", "quality", "size", "confidence"]


class QuestionItem(TypedDict):
    key: str
    text: str
    evidence: str
    company: str
    needsName: bool
    one: SideItem
    other: SideItem


class ReadyResponse(TypedDict):
    status: str
    modelVersion: str
    parts: list[PartItem]


class RecognitionEffectResponse(TypedDict):
    faces: int
    facesInAll: int
    before: int
    after: int
    joined: int
    left: int
    moved: int
    threshold: float
    modelVersion: str
    bins: list[Bin]
    falseMatches: FalseMatchesItem | None
    examples: list[ExampleItem]
    notes: list[str]


class RedoRequest(TypedDict):
    """Without `eventId` the decision that was taken back last is made again."""

    event_id: NotRequired[int | None]


Refusal: TypeAlias = Literal[
    "not_a_picture",
    "no_face",
    "several_faces",
    "no_such_face",
    "too_small",
    "blurred",
    "twice",
    "already_theirs",
    "decided_otherwise",
    "erased",
]


class RejectFaceResponse(TypedDict):
    faceId: str
    personId: str
    personName: str
    takenAway: bool
    eventId: int


class RelatePersonRequest(TypedDict):
    """Null takes it back."""

    other_person_id: str
    kin: Kin | None


class RelatePersonResponse(TypedDict):
    personId: str
    personName: str
    otherId: str
    otherName: str
    kin: Kin | None
    eventId: int


class RelativeItem(TypedDict):
    personId: str
    name: str
    kin: Kin


class RenamePersonRequest(TypedDict):
    name: str


class RenamePersonResponse(TypedDict):
    personId: str
    formerName: str
    name: str
    eventId: int


class ReviewResponse(TypedDict):
    topic: Literal["probable", "same_person", "intruders", "close_calls", "recognised"]
    rounds: int
    questions: list[QuestionItem]
    photos: dict[str, int]
    bursts: dict[str, int]


class SearchRequest(TypedDict):
    face_ids: list[str]
    limit: NotRequired[int]


class SearchResponse(TypedDict):
    faces: list[SimilarItem]
    notes: list[str]


class ShareBox(TypedDict):
    """Shares (0 to 1) of the upright photo's width and height."""

    x: float
    y: float
    width: float
    height: float


class ShownFaceItem(TypedDict):
    faceId: str
    box: ShareBox
    personId: str | None
    personName: str | None
    clusterId: str | None
    state: str
    isDrawn: bool
    age: int | None
    span: SpanItem | None


class SideItem(TypedDict):
    title: str
    faceIds: list[str]
    personId: str | None
    clusterId: str | None


class SideRequest(TypedDict):
    title: NotRequired[str]
    face_ids: NotRequired[list[str]]
    person_id: NotRequired[str | None]
    cluster_id: NotRequired[str | None]


class SimilarItem(TypedDict):
    faceId: str
    assetId: int
    personId: str | None
    personName: str | None
    clusterId: str | None
    similarity: float | None
    quality: float
    size: int
    takenAt: int | None
    state: str
    isOdd: bool
    likeness: float


Sort: TypeAlias = Literal["fit", "similarity", "quality", "newest", "oldest", "size", "person"]


class SpanItem(TypedDict):
    """Seconds from the video's first picture."""

    firstS: float
    lastS: float
    frameS: float


class SplitClusterRequest(TypedDict):
    min_cluster_size: NotRequired[int]


class SplitClusterResponse(TypedDict):
    """`status` is `unchanged` where the cluster does not fall apart."""

    originalClusterId: str
    newClusters: list[str]
    status: str


class SplitItem(TypedDict):
    clusterId: str
    faceCount: int
    similarity: float
    gap: float
    purity: float
    parts: list[list[str]]
    leftOut: list[str]
    minClusterSize: int


class SplitPreviewResponse(TypedDict):
    """One part where it does not fall apart."""

    clusterId: str
    parts: list[list[str]]
    leftOut: list[str]


class SuggestRequest(TypedDict):
    face_ids: NotRequired[list[str] | None]
    query: NotRequired[FaceFilterBody | None]


class SuggestResponse(TypedDict):
    suggestions: list[LikelyCandidate]


class SuggestionsResponse(TypedDict):
    """The list of the kind that was asked for; the others are empty."""

    kind: Literal["merges", "splits", "uncertain", "names", "intruders"]
    merges: NotRequired[list[MergeItem]]
    splits: NotRequired[list[SplitItem]]
    uncertain: NotRequired[list[UncertainItem]]
    names: NotRequired[list[Candidate]]
    intruders: NotRequired[list[IntruderItem]]


class SupervisedResult(TypedDict):
    faces_processed: int
    assigned_to_persons: int
    persons_matched: int


class TakenAwayResponse(TypedDict):
    faceId: str
    eventId: int


class ThumbnailsRequest(TypedDict):
    face_ids: list[str]
    size: NotRequired[int]


class TileItem(TypedDict):
    faceId: str
    assetId: int
    personId: str | None
    personName: str | None
    clusterId: str | None
    similarity: float | None
    quality: float
    size: int
    takenAt: int | None
    state: str
    isOdd: bool


class TilesRequest(TypedDict):
    face_ids: list[str]


class TilesResponse(TypedDict):
    faces: list[TileItem]


class TimelineResponse(TypedDict):
    days: list[DayItem]
    without: int


class TogetherResponse(TypedDict):
    pairs: list[PairItem]


class TrainFaceMatchingRequest(TypedDict):
    queue: NotRequired[bool]
    epochs: NotRequired[int]
    margin: NotRequired[float]
    batch_size: NotRequired[int]
    min_faces_per_person: NotRequired[int]
    learning_rate: NotRequired[float]
    quality_threshold: NotRequired[float]
    head: NotRequired[Literal["linear", "documented", "residual", "whitening", "pca", "lda"]]
    loss: NotRequired[Literal["triplet", "supcon", "arcface"]]
    mining: NotRequired[Literal["random", "semi-hard", "batch-hard"]]
    dropout: NotRequired[float]
    weight_decay: NotRequired[float | None]
    patience: NotRequired[int]
    seed: NotRequired[int]


class TrainFaceMatchingResponse(TypedDict):
    status: str
    persons_used: int
    total_faces: int
    training_faces: int
    validation_faces: int
    final_train_loss: float
    final_val_loss: float
    model_checkpoint: str
    training_time_seconds: float


class TriggerClusteringRequest(TypedDict):
    queue: NotRequired[bool]
    quality_threshold: NotRequired[float]
    max_faces: NotRequired[int]
    min_cluster_size: NotRequired[int]
    min_samples: NotRequired[int]
    time_bucket: NotRequired[str | None]
    min_cohesion: NotRequired[float | None]
    method: NotRequired[Literal["hdbscan", "linkage"]]
    min_similarity: NotRequired[float | None]
    model: NotRequired[Literal["champion", "challenger", "raw"] | str | int]
    cluster_selection_epsilon: NotRequired[float]
    metric: NotRequired[Literal["euclidean", "cosine"]]
    refit: NotRequired[bool]
    neighbours: NotRequired[Literal["auto", "exact", "approximate"]]


class TuneDetectionRequest(TypedDict):
    quality_threshold: NotRequired[float]
    min_confidence: NotRequired[float]
    min_face_size: NotRequired[int]
    detection_size: NotRequired[Literal["auto", "320", "640", "1024", "1600"] | Literal[320, 640, 1024, 1600]]


class TuneGroupingRequest(TypedDict):
    quality_threshold: NotRequired[float]
    max_faces: NotRequired[int]
    min_cluster_size: NotRequired[int]
    min_samples: NotRequired[int]
    time_bucket: NotRequired[str | None]
    min_cohesion: NotRequired[float | None]
    method: NotRequired[Literal["hdbscan", "linkage"]]
    min_similarity: NotRequired[float | None]
    model: NotRequired[Literal["champion", "challenger", "raw"] | str | int]
    cluster_selection_epsilon: NotRequired[float]
    metric: NotRequired[Literal["euclidean", "cosine"]]
    refit: NotRequired[bool]
    neighbours: NotRequired[Literal["auto", "exact", "approximate"]]


class TuneRecognitionRequest(TypedDict):
    again: NotRequired[bool]
    max_faces: NotRequired[int]
    similarity_threshold: NotRequired[float | Literal["auto"] | str]
    model: NotRequired[Literal["champion", "challenger", "raw"] | str | int]
    matcher: NotRequired[Literal["champion", "challenger", "plain"] | str | int]


class TuneStartResponse(TypedDict):
    """What to begin with."""

    threshold: float
    modelVersion: str


class UnassignFaceResponse(TypedDict):
    faceId: str
    eventId: int


class UncertainItem(TypedDict):
    faceId: str
    isMatch: bool
    distance: float
    threshold: float
    best: Candidate
    secondBest: Candidate | None
    likelihood: float | None
    expected: ExpectedItem | None


class UndoRequest(TypedDict):
    """Without `eventId` the latest decision that stands is taken back."""

    event_id: NotRequired[int | None]


class UndoResponse(TypedDict):
    eventId: int
    undoneEventId: int
    kind: str
    isRedo: bool
    facesRestored: int
    facesLeft: int


class UnreadableListResponse(TypedDict):
    """A page of photos that could not be read, by path."""

    items: list[UnreadablePhoto]
    total: int
    page: int
    pageSize: int


class UnreadablePhoto(TypedDict):
    assetId: int
    path: str
    reason: str


class UnsupervisedResult(TypedDict):
    unlabeled_faces: int
    clusters_found: int
    noise_count: int


class GridGroupItem(TypedDict):
    key: str
    label: str
    faces: int
    toConfirm: int
    cover: list[str]
    cohesion: float | None
    isMixed: bool
    suggestion: Candidate | None
    clusterId: str | None
    personId: str | None
    day: str | None


class SuggestionsGroupItem(TypedDict):
    clusterId: str | None
    personId: str | None
    name: str
    faceCount: int
    sampleFaceIds: list[str]
