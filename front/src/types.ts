// What goes over the wire: the REST API's own names.

export const PLACES = ["to_name", "unconfirmed", "unknown", "people", "ignored", "hidden", "missing", "all"] as const;
export type Place = (typeof PLACES)[number];
export type FaceState = "open" | "confirmed" | "recognised" | "dismissed";
export type GroupOrder = "size" | "name" | "newest" | "attention";
export type Sort = "fit" | "similarity" | "quality" | "newest" | "oldest" | "size" | "person";

/** Which faces: the same fields in addresses and bodies. */
export interface FaceQuery {
  place: Place;
  clusterId?: string;
  personId?: string;
  since?: string;
  until?: string;
  day?: string;
  folder?: string;
  minQuality?: number;
  maxQuality?: number;
  minSize?: number;
  minSimilarity?: number;
  maxSimilarity?: number;
  assignedBy?: "manual" | "prototype";
  text?: string;
  sort?: Sort;
  descending?: boolean;
}

export interface Tile {
  faceId: string;
  assetId: number;
  personId: string | null;
  personName: string | null;
  clusterId: string | null;
  similarity: number | null; // of the assignment, where a machine made it
  likeness?: number; // to what was searched for
  isOdd?: boolean; // little like the others of its group: shown last
  quality: number | null;
  size: number;
  takenAt: number | null; // seconds since 1970 by the photo's own clock
  state: FaceState;
}

export interface PlaceCount {
  place: Place;
  faces: number;
  groups: number | null;
  label: string;
}

export interface Places {
  places: PlaceCount[];
  latestEvent: number;
}

export interface GridPage {
  total: number;
  offset: number;
  revision: string;
  faces: Tile[];
}

export interface Likeness {
  personId: string;
  personName: string;
  similarity: number;
  isLikely?: boolean;
}

export interface Group {
  key: string;
  label: string;
  faces: number;
  cover: string[];
  cohesion: number | null;
  suggestion: Likeness | null;
  isMixed: boolean;
  toConfirm?: number; // faces that a machine named
  day?: string | null; // 2025-12-23, of a group of one day
}

export interface Groups {
  total: number;
  groups: Group[];
}

export interface Bin {
  low: number;
  high: number;
  faces: number;
}

export interface Histogram {
  bins: Bin[];
  faces: number;
}

export type Action = "name" | "confirm" | "reject" | "unassign" | "dismiss" | "restore";
export type DismissedAs = "stranger" | "not_a_face";

export interface Decision {
  action: Action;
  faceIds?: string[];
  query?: FaceQuery;
  exceptIds?: string[];
  leftOutIds?: string[]; // of a name: they are not this person
  name?: string;
  personId?: string;
  dismissedAs?: DismissedAs;
  revision?: string;
  force?: boolean;
}

export interface Decided {
  eventId: number | null;
  facesChanged: number;
  personId: string | null;
  personName: string | null;
  notes: string[];
  revision?: string;
}

export interface Undone {
  eventId: number;
  undoneEventId: number;
  kind: string;
  isRedo: boolean;
  facesRestored: number;
}

export interface Changes {
  latestEvent: number;
  revision: string;
  faceIds: string[] | null;
  texts: string[];
}

/** Shares of the upright photo. */
export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface PhotoFace {
  faceId: string;
  box: Box;
  personId: string | null;
  personName: string | null;
  clusterId: string | null;
  state: FaceState;
  isDrawn: boolean;
  span: Span | null; // of a video
}

/** When a face of a video is seen, in seconds, and the picture that its box is of. */
export interface Span {
  firstS: number;
  lastS: number;
  frameS: number;
}

export interface Photo {
  assetId: number;
  name: string;
  folder: string;
  takenAt: string | null;
  camera: string | null;
  width: number;
  height: number;
  previous: number | null;
  next: number | null;
  faces: PhotoFace[];
  durationS: number | null; // null: a photo
}

export interface KnownName {
  personId: string;
  name: string;
  faces: number;
}

/** The most useful first. */
export const TOPICS = ["probable", "same_person", "intruders", "close_calls", "recognised"] as const;
export type Topic = (typeof TOPICS)[number];

export interface Side {
  title: string;
  faceIds: string[];
  personId: string | null;
  clusterId: string | null;
}

export interface Question {
  topic: Topic;
  key: string;
  text: string;
  evidence: string;
  company: string;
  needsName: boolean;
  one: Side;
  other: Side;
}

export interface Questions {
  rounds: number;
  questions: Omit<Question, "topic">[];
  photos: Record<string, number>;
  bursts: Record<string, number>;
}

export interface SplitPreview {
  clusterId: string;
  parts: string[][];
  leftOut: string[];
  minClusterSize: number;
}

export interface HistoryLine {
  eventId: number;
  at: string;
  actor: string;
  text: string;
  undoneBy: number | null;
}

export interface Explanation {
  personName: string | null;
  assignedBy: string | null;
  similarity: number | null;
  threshold: number | null;
  runnerUpName: string | null;
  runnerUpSimilarity: number | null;
  ruledOut: string[];
  nearest: { personName: string; similarity: number }[];
  scores: { personName: string; score: number }[];
  note: string | null;
}

export interface PersonFacts {
  faceCount: number;
  alsoCalled: string[];
  hasCentroid: boolean;
  exemplarFaceIds: string[];
}

export type Quantity = "similarity" | "quality" | "size" | "confidence";

/** Columns, row for row; places from 0 to 1. */
export interface FaceMap {
  total: number;
  faceIds: string[];
  x: number[];
  y: number[];
  groups: number[]; // number in `largest`, or above; -1: in no group
  largest: { key: string; label: string; isPerson: boolean; faces: number; x: number; y: number }[];
}

export interface Timeline {
  days: { day: string; faces: number }[]; // in order of time
  without: number;
}

export interface TuneStart {
  threshold: number;
  modelVersion: string;
}

export interface Example {
  faceId: string;
  change: string;
  value: number;
  otherId: string | null;
  name: string;
}

export interface DetectionEffect {
  faces: number;
  kept: number;
  unsure: number;
  small: number;
  good: number;
  undecided: number;
  examples: Example[];
}

interface GroupCounts {
  clusters: number;
  grouped: number;
  largest: number;
}

export interface GroupingEffect {
  faces: number;
  facesInAll: number;
  before: GroupCounts;
  after: GroupCounts;
  joined: number;
  left: number;
  moved: number;
  examples: Example[];
  modelVersion: string;
  note: string | null;
}

export interface RecognitionEffect {
  faces: number;
  facesInAll: number;
  before: number;
  after: number;
  joined: number;
  left: number;
  moved: number;
  threshold: number;
  modelVersion: string;
  bins: Bin[];
  falseMatches: { share: number; atMost: number; faces: number; accepted: number } | null;
  examples: Example[];
  notes: string[];
}
