// What a person decides: carried out one at a time, told in words, taken back and done again.
import type { Desk } from "./desk.ts";
import { Refused } from "./transport.ts";
import { countOf, isEmpty } from "./selection.ts";
import { groupKey, openGroup, type State } from "./store.ts";
import type { Decided, Decision, DismissedAs, FaceQuery, Question, SplitPreview, Tile } from "./types.ts";
import { counted } from "./words.ts";

export const REVIEW = "review"; // the view's name
const PART_SIZES = [3, 2]; // a group that falls into no parts of three may fall into parts of two
const TAKES_ONE = ["reject", "restore", "unassign"]; // where nothing is selected: the tile that has the keyboard
const ONE_BY_ONE = 1000; // faces that are named in the request; more are described by the query

interface Done {
  eventIds: readonly number[]; // oldest first
  query: FaceQuery; // where it was decided: shown again when it is taken back
  text: string;
  question?: Question; // that it answered
}

type Who = { name: string } | { personId: string; name: string };

export class Decisions {
  private readonly done: Done[] = [];
  private undone: { undoIds: number[]; was: Done }[] = [];

  constructor(private readonly desk: Desk) {}

  get canRedo(): boolean {
    return this.undone.length > 0;
  }

  /** Give what is chosen, or all that is shown, to a person. */
  async name(who: Who): Promise<boolean> {
    const isKnown = this.desk.state.names.some((known) => known.name === who.name);
    const given = "personId" in who ? { personId: who.personId } : { name: who.name };
    const out = leftOut(this.desk.state);
    const isDone = await this.decide({ action: "name", ...given, ...(out.length && { leftOutIds: out }) }, (report) => {
      const name = report.personName ?? who.name;
      return `${counted(report.facesChanged)}: ${name}${out.length ? `; ${counted(out.length)} not ${name}` : ""}`;
    });
    if (isDone && !isKnown) await this.desk.refreshNames();
    return isDone;
  }

  /** The machine's names become a person's: of what is chosen, or of all that is not below the threshold. */
  async confirm(): Promise<boolean> {
    const { threshold, selection } = this.desk.state;
    const bound = threshold !== null && isEmpty(selection) ? { minSimilarity: threshold } : {};
    return this.decide({ action: "confirm" }, (report) => `${counted(report.facesChanged)} confirmed`, bound);
  }

  /** Not this person: what is chosen, or what is below the threshold. */
  async reject(below = false): Promise<boolean> {
    const { state } = this.desk;
    if (!below && isEmpty(state.selection) && !this.takesAtTile()) return this.refuse("select the faces that are somebody else");
    const bound = below && state.threshold !== null ? { maxSimilarity: justBelow(state.threshold) } : {};
    const suggested = state.query.place === "to_name" ? state.suggestions[0] : undefined;
    if (state.query.place === "to_name" && !suggested?.isLikely) return this.refuse("nobody is suggested whom this could not be");
    const names = new Set(this.desk.chosen().map((tile) => tile.personName));
    const name = suggested?.personName ?? (state.query.personId ? openGroup(state)?.label : names.size === 1 ? [...names][0] : undefined);
    return this.decide({ action: "reject", ...(suggested && { personId: suggested.personId }) }, (report) => `${counted(report.facesChanged)}: not ${name ?? "them"}`, bound);
  }

  async dismiss(as: DismissedAs): Promise<boolean> {
    const label = as === "stranger" ? "ignored as strangers" : "ignored: not a face";
    return this.decide({ action: "dismiss", dismissedAs: as }, (report) => `${counted(report.facesChanged)} ${label}`);
  }

  async restore(): Promise<boolean> {
    if (isEmpty(this.desk.state.selection) && !this.takesAtTile()) return this.refuse("select the faces to bring back");
    return this.decide({ action: "restore" }, (report) => `${counted(report.facesChanged)} brought back`);
  }

  /** They have no name then, and are asked about again. */
  async unassign(): Promise<boolean> {
    if (isEmpty(this.desk.state.selection) && !this.takesAtTile()) return this.refuse("select the faces to take away");
    return this.decide({ action: "unassign" }, (report) => `${counted(report.facesChanged)} taken away; they have no name now`);
  }

  /** Show what a split would make; nothing is done. */
  async previewSplit(): Promise<void> {
    const { desk } = this;
    const { query, isBusy } = desk.state;
    const { clusterId } = query;
    if (!clusterId || isBusy) return;
    desk.store.set({ isBusy: true });
    const found = await desk.guarded(() => this.partsOf(clusterId));
    desk.store.set({ isBusy: false });
    if (found === null || desk.state.query !== query) return;
    if (found === undefined) desk.store.tell("It does not fall apart: select some of the faces instead");
    else desk.store.set({ split: found });
  }

  /** Undefined where there is one part only. */
  private async partsOf(clusterId: string): Promise<SplitPreview | undefined> {
    for (const size of PART_SIZES) {
      const split = await this.desk.api.splitPreview(clusterId, size);
      if (split.parts.length > 1) return split;
    }
    return undefined;
  }

  async split(): Promise<void> {
    const { desk } = this;
    const { split, query } = desk.state;
    if (!split) return;
    let parts: string[] = [];
    const isDone = await this.other(`Split into ${split.parts.length} parts`, async () => {
      const report = await desk.api.split(split.clusterId, split.minClusterSize);
      parts = report.newClusters;
      return report;
    });
    desk.store.set({ split: null });
    if (isDone && parts[0]) await desk.visit({ ...query, clusterId: parts[0] });
  }

  /** One face is the person's picture from now on. */
  async cover(): Promise<boolean> {
    const [face, ...more] = this.meant();
    const personId = face?.personId;
    if (!face || !personId || more.length) return this.refuse("select the one face that is to be the portrait");
    return this.other(`Portrait of ${face.personName}`, () => this.desk.api.cover(personId, face.faceId));
  }

  /** Some faces are those that their person is recognised by. */
  async exemplars(): Promise<boolean> {
    const faces = this.meant();
    const personId = faces[0]?.personId;
    if (!personId || faces.some((face) => face.personId !== personId)) return this.refuse("select faces of one person");
    const ids = faces.map((face) => face.faceId);
    return this.other(`${faces[0]!.personName} is recognised by ${counted(ids.length)}`, () => this.desk.api.exemplars(personId, ids));
  }

  /** A decision about a person or a box rather than about the grid's faces. */
  async other(text: string, act: () => Promise<object>): Promise<boolean> {
    const { desk } = this;
    if (desk.state.isBusy) return false;
    desk.store.set({ isBusy: true });
    const report = await desk.guarded(act);
    desk.store.set({ isBusy: false });
    if (!report) return false;
    const eventId = (report as { eventId?: number | null }).eventId;
    if (eventId) this.remember({ eventIds: [eventId], query: desk.state.query, text });
    await Promise.all([desk.refresh(), desk.refreshNames()]);
    desk.store.tell(text, "done");
    return true;
  }

  /** Take the last decision back: one of this session's, else the latest that stands. */
  async undo(): Promise<void> {
    await this.turnBack(async () => {
      const was = this.done.at(-1);
      const reports = [];
      for (const eventId of was ? [...was.eventIds].reverse() : [undefined]) reports.push(await this.desk.api.undo(eventId));
      this.done.pop();
      if (was) this.undone.push({ undoIds: reports.map((report) => report.eventId), was });
      return { text: `Undone: ${was?.text ?? reports[0]?.kind}`, was };
    });
  }

  async redo(): Promise<void> {
    const last = this.undone.at(-1);
    if (!last) return this.desk.store.tell("Nothing is left to do again");
    await this.turnBack(async () => {
      for (const undoId of [...last.undoIds].reverse()) await this.desk.api.undo(undoId);
      this.undone.pop();
      this.done.push(last.was);
      return { text: `Done again: ${last.was.text}` };
    });
  }

  private async turnBack(act: () => Promise<{ text: string; was?: Done | undefined }>): Promise<void> {
    const { desk } = this;
    if (desk.state.isBusy) return;
    desk.store.set({ isBusy: true });
    const found = await desk.guarded(act);
    desk.store.set({ isBusy: false });
    if (!found) return;
    await Promise.all([desk.refreshPlaces(), desk.refreshNames(), this.showAgain(found.was)]);
    desk.store.tell(found.text, "done");
  }

  private async showAgain(was: Done | undefined): Promise<void> {
    const { desk } = this;
    if (was?.question) {
      desk.questions.again(was.question);
      desk.openView(REVIEW);
    } else if (was) {
      desk.store.set({ view: null });
      await desk.visit(was.query);
    } else await desk.refresh(false);
  }

  private async decide(decision: Decision, said: (report: Decided) => string, bound: Partial<FaceQuery> = {}): Promise<boolean> {
    const { desk } = this;
    const { state } = desk;
    if (state.isBusy || state.isLoading) return false;
    const problem = whyNot(state, decision, bound);
    if (problem) return this.refuse(problem);
    desk.store.set({ isBusy: true });
    try {
      const target = await this.target(state, decision, bound);
      const revision = state.pages.revision ? { revision: state.pages.revision } : {};
      const report = await desk.api.decide({ ...decision, ...target, ...revision });
      const text = [said(report), ...report.notes].join("; ");
      if (report.eventId) this.remember({ eventIds: [report.eventId], query: state.query, text });
      desk.store.set({ isBusy: false, typed: "", picked: -1 });
      await this.goOn(state);
      desk.store.tell(text, "done");
      return true;
    } catch (error) {
      desk.store.set({ isBusy: false });
      await this.explain(error);
      return false;
    }
  }

  /** Which faces: by id where they are few, else by what describes them. */
  private async target(state: State, decision: Decision, bound: Partial<FaceQuery>): Promise<Partial<Decision>> {
    const { selection, pages } = state;
    const takesOne = isEmpty(selection) && TAKES_ONE.includes(decision.action) && !Object.keys(bound).length;
    const at = pages.at(selection.at);
    if (takesOne && at) return { faceIds: [at.faceId] };
    if (!isEmpty(selection) && !selection.isAll) return { faceIds: [...selection.ids] };
    if (!Object.keys(bound).length && pages.total <= ONE_BY_ONE) {
      const shown = await pages.idsBetween(0, pages.total - 1);
      return { faceIds: shown.filter((id) => !selection.ids.has(id)) };
    }
    return { query: { ...state.query, ...bound }, exceptIds: [...selection.ids] };
  }

  /** What is selected and at hand, else the tile that has the keyboard. */
  private meant(): Tile[] {
    const { selection, pages } = this.desk.state;
    const at = pages.at(selection.at);
    return isEmpty(selection) ? (at ? [at] : []) : this.desk.chosen();
  }

  /** Whether a decision about one face is meant for the tile that has the keyboard. */
  private takesAtTile(): boolean {
    const { selection, pages } = this.desk.state;
    return pages.at(selection.at) !== undefined;
  }

  private async goOn(before: State): Promise<void> {
    const { desk } = this;
    const isWholeGroup = groupKey(before.query) !== undefined && isEmpty(before.selection) && before.threshold === null;
    const next = isWholeGroup ? before.groups[before.groups.findIndex((group) => group.key === groupKey(before.query)) + 1] : undefined;
    desk.store.set({ selection: { ...desk.state.selection, ids: new Set(), isAll: false, base: new Set() } });
    if (!next || before.query.place === "people" || before.query.place === "hidden") return desk.refresh();
    const rest = before.groups.filter((group) => group.key !== groupKey(before.query));
    desk.store.set({ groups: rest, groupsTotal: before.groupsTotal - 1 });
    await desk.openGroup(next.key); // at once; how things are now follows
    void desk.refresh();
  }

  private async explain(error: unknown): Promise<void> {
    const changed = error instanceof Refused && Array.isArray(error.details["changedFaceIds"]) ? error.details["changedFaceIds"] : [];
    if (changed.length) await this.desk.refresh();
    const stale = `Nothing was done: somebody else has just changed ${counted(changed.length)} of these. This is how they are now.`;
    this.desk.store.tell(changed.length ? stale : error instanceof Error ? error.message : String(error), "problem");
  }

  remember(decision: Done): void {
    const { store, state } = this.desk;
    store.set({ latestEvent: Math.max(state.latestEvent, ...decision.eventIds) }); // nobody else's news
    this.done.push(decision);
    this.undone = [];
  }

  private refuse(why: string): false {
    this.desk.store.tell(why, "problem");
    return false;
  }
}

/** Why a decision cannot be meant: what nobody selected, and is no group, is not named by one key. */
function whyNot(state: State, decision: Decision, bound: Partial<FaceQuery>): string {
  const { selection, pages, query } = state;
  if (!pages.total) return "there is no face here";
  if (selection.isAll && countOf(selection, pages.total) === 0) return "no face is selected";
  if (!isEmpty(selection) || Object.keys(bound).length) return "";
  const isGroup = (query.place === "to_name" || query.place === "unconfirmed") && groupKey(query) !== undefined && !state.found;
  if (isGroup || TAKES_ONE.includes(decision.action)) return "";
  return "select the faces first: a click, Shift and an arrow, or Ctrl+A for all";
}

/** Of a group, whose faces were all selected, those that were taken out again: somebody looked, and they are not this person. */
function leftOut({ query, selection }: State): string[] {
  return query.place === "to_name" && selection.isAll ? [...selection.ids] : [];
}

/** The largest number below: bounds of a query belong to it. */
function justBelow(value: number): number {
  return value - 1e-7;
}
