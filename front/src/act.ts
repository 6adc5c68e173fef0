// Carries out what a key or a button asks for.
import type { Desk } from "./desk.ts";
import { enterMeans, shownNames } from "./entry.ts";
import type { Command } from "./keyboard.ts";
import * as select from "./selection.ts";
import { groupedBy, showsCards, type State } from "./store.ts";
import { PLACES } from "./types.ts";

/** The parts of the page that a command moves the focus to. */
export interface Stage {
  focusGrid(): void;
  focusEntry(letter?: string): void;
  moveTo(key: string, isExtending: boolean): void;
}

export async function act(command: Command, desk: Desk, stage: Stage): Promise<void> {
  const { decisions, state } = { decisions: desk.decisions, state: desk.state };
  switch (command.do) {
    case "take": return enter(desk, stage, false);
    case "takeAsTyped": return enter(desk, stage, true);
    case "reject": return after(stage, decisions.reject());
    case "stranger": return after(stage, decisions.dismiss("stranger"));
    case "notAFace": return after(stage, decisions.dismiss("not_a_face"));
    case "restore": return after(stage, decisions.restore());
    case "split": return decisions.previewSplit();
    case "unassign": return after(stage, decisions.unassign());
    case "cover": return after(stage, decisions.cover());
    case "exemplars": return after(stage, decisions.exemplars());
    case "sameDay": return after(stage, sameDay(desk));
    case "undo": return after(stage, decisions.undo());
    case "redo": return after(stage, decisions.redo());
    case "photo": return look(desk);
    case "similar": return similar(desk);
    case "all": return desk.choose(select.all(state.selection));
    case "toggle": return toggle(desk);
    case "move": return stage.moveTo(command.key, command.isExtending);
    case "type": return stage.focusEntry(command.letter);
    case "place": return after(stage, desk.goTo(PLACES[command.number - 1]!));
    case "view": return desk.openView(command.name);
    case "group": return after(stage, desk.stepGroup(command.by));
    case "suggestion": return suggestion(desk, stage, command.number);
    case "complete": return complete(desk, command.by);
    case "filters": case "why": return state.view ? undefined : turn(desk, command.do);
    case "keys": case "history": return turn(desk, command.do);
    case "escape": return escape(desk, stage);
  }
}

async function after(stage: Stage, work: Promise<unknown>): Promise<void> {
  await work;
  stage.focusGrid();
}

async function enter(desk: Desk, stage: Stage, asTyped: boolean): Promise<void> {
  const meaning = enterMeans(desk.state, asTyped);
  if (meaning.do === "ask") {
    const typed = desk.state.typed.replace(/\s+/g, " ").trim();
    desk.store.set({ asked: typed });
    desk.store.tell(`Did you mean ${meaning.meant.name}? Enter takes that name, Shift+Enter a new person: ${typed}`);
  } else if (meaning.do === "name") {
    if (await desk.decisions.name(meaning.who)) stage.focusGrid();
  } else if (meaning.do === "confirm") {
    if (await desk.decisions.confirm()) stage.focusGrid();
  } else if (meaning.do === "nothing") desk.store.tell(meaning.says, "hint");
}

/** What is chosen goes first, then what was typed, then the view that is open. */
async function escape(desk: Desk, stage: Stage): Promise<void> {
  const { store, state } = desk;
  if (state.photo) store.set({ photo: null });
  else if (state.split) store.set({ split: null });
  else if (state.panel) store.set({ panel: null });
  else if (state.view) await desk.goTo(state.query.place);
  else if (!select.isEmpty(state.selection)) desk.choose(select.clear(state.selection));
  else if (state.typed) desk.type("");
  else await desk.back();
  stage.focusGrid();
}

/** Open or close what is below the head. */
function turn(desk: Desk, panel: State["panel"]): void {
  desk.store.set({ panel: desk.state.panel === panel ? null : panel });
}

async function sameDay(desk: Desk): Promise<void> {
  const taken = desk.state.pages.at(desk.state.selection.at)?.takenAt;
  if (taken == null) return desk.store.tell("Nobody knows when this photo was taken", "problem");
  await desk.openDay(new Date(taken * 1000).toISOString().slice(0, 10));
}

async function suggestion(desk: Desk, stage: Stage, number: number): Promise<void> {
  const likeness = desk.state.suggestions[number - 1];
  if (likeness && (await desk.decisions.name({ personId: likeness.personId, name: likeness.personName }))) stage.focusGrid();
}

function complete(desk: Desk, by: 1 | -1): void {
  const count = shownNames(desk.state).length;
  const now = Math.max(0, desk.state.picked);
  desk.store.set({ picked: (now + by + count) % count });
}

function look(desk: Desk): void {
  const { pages, selection, query } = desk.state;
  const face = pages.at(selection.at);
  if (face && !showsCards(query)) desk.store.set({ photo: { assetId: face.assetId, faceId: face.faceId } });
}

async function similar(desk: Desk): Promise<void> {
  const face = desk.state.pages.at(desk.state.selection.at);
  if (face) await desk.searchLike({ faceId: face.faceId });
}

function toggle(desk: Desk): void {
  const { pages, selection } = desk.state;
  const face = pages.at(selection.at);
  if (face) desk.choose(select.toggle(selection, selection.at, face.faceId));
}

/** Whether a place's faces can be confirmed, split and so on: which buttons there are. */
export function isOffered(command: Command["do"], desk: Desk): boolean {
  const { query, pages, isLoading } = desk.state;
  if (!pages.total || isLoading) return false;
  if (command === "restore") return query.place === "ignored";
  if (command === "stranger" || command === "notAFace") return query.place !== "ignored";
  if (command === "unassign" || command === "cover" || command === "exemplars") return query.place === "people" && query.personId !== undefined;
  if (command === "sameDay") return query.day === undefined && pages.at(desk.state.selection.at)?.takenAt != null;
  if (command === "split") return groupedBy(query.place) === "cluster" && pages.total > 3;
  if (command === "reject" && query.place === "to_name") return desk.state.suggestions[0]?.isLikely === true;
  return true;
}
