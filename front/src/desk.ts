// The page's clerk: opens places and groups, keeps them fresh, and hands decisions on.
import type { Api } from "./api.ts";
import { Decisions } from "./decisions.ts";
import { PAGE, Pages } from "./pages.ts";
import type { Pictures } from "./pictures.ts";
import { fromFragment, toFragment, usualSort, type Filters } from "./query.ts";
import { Questions } from "./questions.ts";
import * as select from "./selection.ts";
import { firstState, groupedBy, groupKey, openGroup, orderOf, showsCards, Store, withGroup } from "./store.ts";
import type { FaceQuery, Group, GroupOrder, Groups, Place, Tile } from "./types.ts";

const GROUPS = 200; // fetched at once
const BINS = 40;
const FOUND = 200; // faces that a search shows
const MOST_BY_RANGE = 10_000; // faces a decision may name one by one
const SUGGEST_AFTER_MS = 120;

/** Where the view is kept so that a link brings it back: the page's address, or nowhere. */
export interface Address {
  read(): string;
  write(fragment: string, isNewPlace: boolean): void;
}

export class Desk {
  readonly store: Store;
  readonly decisions: Decisions;
  readonly questions: Questions;
  private turn = 0; // of loading: what an earlier one brings is passed over
  private timer: ReturnType<typeof setTimeout> | undefined;
  private thresholdTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly api: Api, readonly pictures: Pictures, private readonly address: Address) {
    const { query, tile, view } = fromFragment(address.read());
    this.store = new Store({ ...firstState(api, query, tile ?? 112), view });
    this.decisions = new Decisions(this);
    this.questions = new Questions(this);
  }

  get state() {
    return this.store.state;
  }

  async start(): Promise<void> {
    await Promise.all([this.refreshPlaces(), this.refreshNames(), this.visit(this.state.query)]);
  }

  /** What the address says, when its reader went back. */
  async follow(): Promise<void> {
    const { query, view } = fromFragment(this.address.read());
    this.store.set({ view });
    await this.visit(query);
  }

  /** Show a view in place of the grid. */
  openView(view: string): void {
    this.store.set({ view, panel: null, photo: null });
    this.address.write(toFragment(this.state.query, this.state.tile, view), true);
  }

  async goTo(place: Place): Promise<void> {
    this.store.set({ panel: null, photo: null, view: null });
    await this.visit({ place });
    if (showsCards(this.state.query)) return;
    this.store.tell(this.state.pages.total ? "" : "Nothing is here.");
  }

  /** All faces of one day. */
  async openDay(day: string): Promise<void> {
    this.store.set({ view: null, panel: null, photo: null });
    await this.visit({ place: "all", day });
  }

  /** Open a place as a query has it: at its first group where it names none. */
  async visit(query: FaceQuery): Promise<void> {
    const by = groupedBy(query.place);
    this.store.set({ groups: query.place === this.state.query.place ? this.state.groups : [] });
    const turn = ++this.turn;
    if (by === null) return this.open(query);
    this.store.set({ query, isLoading: true, found: null });
    const groups = await this.guarded(() => this.api.groups(withGroup(query, undefined), by, orderOf(this.state, query.place), 0, GROUPS));
    if (!groups || turn !== this.turn) return;
    this.store.set({ groups: groups.groups, groupsTotal: groups.total });
    if (showsCards(query)) return this.showCards(query);
    await this.open(withGroup(query, groupKey(query) ?? groups.groups[0]?.key));
  }

  /** Show the faces of a query. `keeps`: the selection and the place in the grid stay. */
  async open(query: FaceQuery, keeps = false): Promise<void> {
    const turn = ++this.turn;
    const isNewPlace = query.place !== this.state.query.place;
    const pages = new Pages(this.api, { ...usualSort(query), ...query });
    if (!keeps) this.store.set({ query, isLoading: true, found: null }); // a refresh holds nobody up
    const place = keeps ? this.state.selection.at : 0;
    const isEmptyPlace = groupedBy(query.place) !== null && groupKey(query) === undefined;
    const loaded = isEmptyPlace || (await this.guarded(() => pages.ensure(Math.max(0, place - PAGE), place + PAGE).then(() => true)));
    if (turn !== this.turn) return;
    if (!loaded) return this.store.set({ isLoading: false });
    this.address.write(toFragment(query, this.state.tile, this.state.view), isNewPlace);
    const selection = keeps ? { ...this.state.selection, at: Math.max(0, Math.min(place, pages.total - 1)) } : select.NOTHING;
    const fresh = keeps ? {} : { suggestions: [], threshold: null, above: null, histogram: null };
    this.store.set({ pages, selection, isLoading: false, ...fresh });
    this.suggestSoon();
    if (query.place === "unconfirmed" && query.personId) void this.readHistogram(query);
    void this.prepareNext();
  }

  async openGroup(key: string): Promise<void> {
    await this.open(withGroup(this.state.query, key));
    const at = this.state.groups.findIndex((group) => group.key === key);
    if (at > this.state.groups.length - 20) await this.moreGroups();
  }

  /** The group before or after; nothing where there is none. */
  async stepGroup(by: 1 | -1): Promise<void> {
    const { groups, query } = this.state;
    const next = groups[groups.findIndex((group) => group.key === groupKey(query)) + by];
    if (next) await this.openGroup(next.key);
  }

  async moreGroups(): Promise<void> {
    const { groups, groupsTotal, query } = this.state;
    const by = groupedBy(query.place);
    if (by === null || groups.length >= groupsTotal) return;
    const more = await this.guarded(() => this.api.groups(withGroup(query, undefined), by, orderOf(this.state, query.place), groups.length, GROUPS));
    const known = new Set(this.state.groups.map((group) => group.key));
    if (more) this.store.set({ groups: [...this.state.groups, ...more.groups.filter((group) => !known.has(group.key))] });
  }

  async back(): Promise<void> {
    if (this.state.found) return this.open(this.state.query);
    if (groupedBy(this.state.query.place) === "person" && this.state.query.place !== "unconfirmed" && this.state.query.personId)
      await this.visit(withGroup(this.state.query, undefined));
  }

  async orderCards(order: GroupOrder): Promise<void> {
    this.store.set({ order });
    await this.visit(this.state.query);
  }

  async filter(filters: Filters): Promise<void> {
    const { place, clusterId } = this.state.query;
    const cleared = Object.fromEntries(Object.entries(filters).filter(([, value]) => value !== undefined && value !== ""));
    const query: FaceQuery = { place, ...cleared };
    if (clusterId) query.clusterId = clusterId;
    await (groupedBy(place) ? this.visit(query) : this.open(query));
  }

  /** Faces that look like this one, unnamed ones too. */
  async searchLike(of: { faceId: string } | FormData): Promise<void> {
    const found = await this.guarded(() => (of instanceof FormData ? this.api.search(of) : this.api.like(of.faceId, FOUND)));
    if (!found) return;
    this.showFaces(found.faces, found.notes?.length ? found.notes.join("; ") : `${found.faces.length} faces like it, most alike first. Esc goes back.`);
  }

  /** Show these faces in the grid, in place of what a query means. */
  showFaces(faces: Tile[], text: string): void {
    const page = { total: faces.length, offset: 0, revision: "", faces };
    const pages = new Pages({ grid: async (_query, offset) => ({ ...page, offset, faces: faces.slice(offset, offset + PAGE) }) }, this.state.query);
    void pages.ensure(0, faces.length).then(() => {
      this.store.set({ found: faces, pages, selection: select.NOTHING, suggestions: [], photo: null, view: null });
      this.store.tell(text);
    });
  }

  // --- keeping up

  async refreshPlaces(): Promise<void> {
    const found = await this.guarded(() => this.api.places());
    if (found) this.store.set({ places: found.places, latestEvent: Math.max(found.latestEvent, this.state.latestEvent) });
  }

  async refreshNames(): Promise<void> {
    const found = await this.guarded(() => this.api.names());
    if (found) this.store.set({ names: found.names });
  }

  /** Show what there is now; a group that is gone makes way for the one behind it. */
  async refresh(keeps = true): Promise<void> {
    const { query, groups } = this.state;
    const by = groupedBy(query.place);
    if (this.state.found) return this.refreshPlaces();
    if (by === null) return void (await Promise.all([this.refreshPlaces(), this.open(query, keeps)]));
    const at = groups.findIndex((group) => group.key === groupKey(query));
    const [now] = await Promise.all([this.guarded(() => this.groupsUpTo(query, by, at)), this.refreshPlaces()]);
    if (!now || this.state.query !== query) return;
    this.store.set({ groups: now.groups, groupsTotal: now.total });
    if (showsCards(query)) return;
    const isThere = now.groups.some((group) => group.key === groupKey(query));
    const next = now.groups[Math.min(Math.max(at, 0), now.groups.length - 1)];
    if (isThere || query.place === "people" || query.place === "hidden") await this.open(query, keeps);
    else await this.open(withGroup(query, next?.key));
  }

  // --- choosing

  choose(selection: select.Selection): void {
    this.store.set({ selection });
    this.suggestSoon();
  }

  /** A name is typed; without one there are suggestions again. */
  type(typed: string): void {
    this.store.set({ typed, picked: -1, asked: "" });
    if (!typed) this.suggestSoon();
  }

  /** Draw the range up to a tile; what of it is not at hand is fetched. */
  async extendTo(to: number): Promise<void> {
    const { selection, pages } = this.state;
    if (Math.abs(to - selection.anchor) >= MOST_BY_RANGE) return this.store.tell("A range may have 10,000 faces: Ctrl+A takes all", "problem");
    this.store.set({ selection: { ...selection, at: to } });
    const ids = await this.guarded(() => pages.idsBetween(selection.anchor, to));
    if (ids && this.state.pages === pages && this.state.selection.at === to) this.choose(select.extend(this.state.selection, to, ids));
  }

  /** The chosen faces that are at hand. */
  chosen(): Tile[] {
    const { selection, pages } = this.state;
    return [...pages.loaded()].filter((tile) => select.isChosen(selection, tile.faceId));
  }

  setThreshold(threshold: number | null): void {
    this.store.set({ threshold, above: null });
    clearTimeout(this.thresholdTimer);
    if (threshold === null) return;
    this.thresholdTimer = setTimeout(() => void this.countAbove(threshold), 80);
  }

  setTile(tile: number): void {
    this.store.set({ tile: Math.round(Math.min(256, Math.max(48, tile))) });
    this.address.write(toFragment(this.state.query, this.state.tile, this.state.view), false);
  }

  // --- inside

  private async groupsUpTo(query: FaceQuery, by: "cluster" | "person", at: number): Promise<Groups> {
    const windows = Array.from({ length: Math.floor(Math.max(at, 0) / GROUPS) + 1 }, (_, window) => window * GROUPS);
    const found = await Promise.all(windows.map((offset) => this.api.groups(withGroup(query, undefined), by, orderOf(this.state, query.place), offset, GROUPS)));
    return { total: found[0]?.total ?? 0, groups: found.flatMap((window) => window.groups) };
  }

  async guarded<T>(work: () => Promise<T>): Promise<T | null> {
    try {
      return await work();
    } catch (error) {
      this.store.tell(error instanceof Error ? error.message : String(error), "problem");
      return null;
    }
  }

  private showCards(query: FaceQuery): void {
    const pages = new Pages(this.api, query);
    const isNewPlace = this.state.pages.query.place !== query.place;
    this.store.set({ query, pages, isLoading: false, selection: select.NOTHING, suggestions: [] });
    this.address.write(toFragment(query, this.state.tile, this.state.view), isNewPlace);
  }

  private async countAbove(threshold: number): Promise<void> {
    const { query } = this.state;
    const page = await this.guarded(() => this.api.grid({ ...query, minSimilarity: threshold }, 0, 1));
    if (page && this.state.threshold === threshold && this.state.query === query) this.store.set({ above: page.total });
  }

  private async readHistogram(query: FaceQuery): Promise<void> {
    const histogram = await this.guarded(() => this.api.histogram(query, "similarity", BINS));
    if (this.state.query === query) this.store.set({ histogram });
  }

  private suggestSoon(): void {
    clearTimeout(this.timer);
    const group = openGroup(this.state);
    const isAll = select.isEmpty(this.state.selection);
    if (isAll) this.store.set({ suggestions: group?.suggestion ? [group.suggestion] : [] });
    if (this.state.query.place === "to_name" || !isAll) this.timer = setTimeout(() => void this.suggest(group, isAll), isAll ? 0 : SUGGEST_AFTER_MS);
  }

  private async suggest(group: Group | undefined, isAll: boolean): Promise<void> {
    const { selection, pages, query, typed, isBusy } = this.state;
    if ((isAll && !group) || typed.trim() || isBusy) return; // beside a name that is typed nothing is suggested
    const faceIds = this.chosen().slice(0, 200).map((tile) => tile.faceId);
    if (!isAll && !faceIds.length) return;
    try {
      const found = await this.api.suggest(isAll ? { query } : { faceIds });
      if (this.state.selection === selection && this.state.pages === pages) this.store.set({ suggestions: found.suggestions });
    } catch {
      return; // names can be typed all the same
    }
  }

  /** Have the next group's faces at hand before they are asked for. */
  private async prepareNext(): Promise<void> {
    const { groups, query } = this.state;
    const next = groups[groups.findIndex((group) => group.key === groupKey(query)) + 1];
    if (!next || groupKey(query) === undefined || showsCards(query)) return;
    try {
      const ahead = withGroup(query, next.key);
      const page = await this.api.grid({ ...usualSort(ahead), ...ahead }, 0, 60);
      if (this.state.query === query) this.pictures.wantLater(page.faces.map((face) => face.faceId));
    } catch {
      return; // it is fetched when it is asked for
    }
  }
}
