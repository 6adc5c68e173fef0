// The state of the page, and who is told when it changes.
import { Pages } from "./pages.ts";
import { NOTHING_ASKED, type Asked } from "./questions.ts";
import type { Api } from "./api.ts";
import { NOTHING, type Selection } from "./selection.ts";
import type { FaceQuery, Group, GroupOrder, Histogram, KnownName, Likeness, Place, PlaceCount, SplitPreview, Tile } from "./types.ts";

export interface Notice {
  text: string;
  kind: "done" | "problem" | "hint";
  number: number; // a new one for each, so that the same words are said twice
}

export interface State {
  query: FaceQuery;
  view: string | null; // shown in place of the grid, see views.ts
  tile: number; // pixels a side
  places: PlaceCount[];
  latestEvent: number;
  groups: Group[];
  groupsTotal: number;
  order: GroupOrder; // of people as cards
  pages: Pages; // of `query`, once it is loaded
  isLoading: boolean;
  isBusy: boolean; // while a decision is carried out
  selection: Selection;
  names: KnownName[];
  typed: string;
  asked: string; // the text about which "did you mean" was asked: Enter again means yes
  picked: number; // which completion Enter takes; -1: what was typed
  suggestions: Likeness[];
  histogram: Histogram | null;
  threshold: number | null; // faces below are not confirmed
  above: number | null; // how many are not below
  photo: { assetId: number; faceId: string } | null;
  found: Tile[] | null; // by a search for a face, shown in place of the query's
  split: SplitPreview | null; // shown before it is done
  asking: Asked; // of the review
  panel: "filters" | "keys" | "history" | "why" | "details" | "rename" | "merge" | null;
  notice: Notice;
}

export function firstState(api: Api, query: FaceQuery, tile: number): State {
  return {
    query, view: null, tile, places: [], latestEvent: 0, groups: [], groupsTotal: 0, order: "size", pages: new Pages(api, query), isLoading: true,
    isBusy: false, selection: NOTHING, names: [], typed: "", asked: "", picked: -1, suggestions: [], histogram: null, threshold: null,
    above: null, photo: null, found: null, split: null, asking: NOTHING_ASKED, panel: null, notice: { text: "", kind: "hint", number: 0 },
  };
}

export class Store {
  private readonly listeners = new Set<() => void>();
  private isTold = true;

  constructor(public state: State) {}

  set(patch: Partial<State>): void {
    this.state = { ...this.state, ...patch };
    if (!this.isTold) return;
    this.isTold = false;
    queueMicrotask(() => {
      this.isTold = true;
      this.listeners.forEach((listener) => listener());
    });
  }

  tell(text: string, kind: Notice["kind"] = "hint"): void {
    this.set({ notice: { text, kind, number: this.state.notice.number + 1 } });
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}

/** How a place's groups are ordered. */
export function orderOf(state: State, place: Place): GroupOrder {
  if (place === "unconfirmed") return "attention";
  return place === "to_name" ? "size" : state.order;
}

/** What a place's groups are, where it has any. */
export function groupedBy(place: Place): "cluster" | "person" | null {
  if (place === "to_name") return "cluster";
  return place === "unconfirmed" || place === "people" || place === "hidden" ? "person" : null;
}

/** Whether people are shown as cards, none of them opened. */
export function showsCards(query: FaceQuery): boolean {
  return (query.place === "people" || query.place === "hidden") && !query.personId;
}

/** The group that is open. */
export function groupKey(query: FaceQuery): string | undefined {
  const by = groupedBy(query.place);
  if (by === null) return undefined;
  return by === "cluster" ? query.clusterId : query.personId;
}

export function openGroup(state: State): Group | undefined {
  const key = groupKey(state.query);
  return key === undefined ? undefined : state.groups.find((group) => group.key === key);
}

/** The query with another group open, or with none. */
export function withGroup(query: FaceQuery, key: string | undefined): FaceQuery {
  const { clusterId: _cluster, personId: _person, ...rest } = query;
  if (groupedBy(query.place) === null) return query;
  if (key === undefined) return rest;
  return groupedBy(query.place) === "cluster" ? { ...rest, clusterId: key } : { ...rest, personId: key };
}
