// Carries out what a key or a button asks for.
import type { Desk } from "./desk.ts";
import { enterMeans, shownNames } from "./entry.ts";
import type { Command } from "./keyboard.ts";
import * as select from "./selection.ts";
import { groupedBy, showsCards } from "./store.ts";
import { PLACES } from "./types.ts";

/** The parts of the page that a command moves the focus to. */
export interface Stage {
  focusGrid(): void;
  focusEntry(letter?: string): void;
  moveTo(key: string, isExtending: boolean): void;
}

export async function act(command: Command, desk: Desk, stage: Stage): Promise<void> {
  const { store, decisions, state } = { store: desk.store, decisions: desk.decisions, state: desk.state };
  switch (command.do) {
    case "take": return enter(desk, stage, false);
    case "takeAsTyped": return enter(desk, stage, true);
    case "reject": return after(stage, decisions.reject());
    case "stranger": return after(stage, decisions.dismiss("stranger"));
    case "notAFace": return after(stage, decisions.dismiss("not_a_face"));
    case "restore": return after(stage, decisions.restore());
    case "split": return after(stage, decisions.split());
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
    case "filters": return store.set({ panel: state.panel === "filters" ? null : "filters" });
    case "keys": return store.set({ panel: state.panel === "keys" ? null : "keys" });
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
  else if (state.panel) store.set({ panel: null });
  else if (state.view) await desk.goTo(state.query.place);
  else if (!select.isEmpty(state.selection)) desk.choose(select.clear(state.selection));
  else if (state.typed) store.set({ typed: "", picked: -1, asked: "" });
  else await desk.back();
  stage.focusGrid();
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
  if (command === "split") return groupedBy(query.place) === "cluster" && pages.total > 3;
  if (command === "reject" && query.place === "to_name") return desk.state.suggestions[0]?.isLikely === true;
  return true;
}
