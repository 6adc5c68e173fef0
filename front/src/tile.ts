// One face on the grid: its picture, its marks, and what a screen reader says of it.
import type { Desk } from "./desk.ts";
import { isChosen } from "./selection.ts";
import type { State } from "./store.ts";
import type { Tile } from "./types.ts";
import { day, similarity } from "./words.ts";

export interface TileElement extends HTMLElement {
  face?: number; // its place in the grid
}

const CAPTION_FROM_PX = 88;

export class Paint {
  private readonly byId = new Map<string, TileElement>();
  private readonly painted = new WeakMap<TileElement, string>(); // what each shows now

  constructor(private readonly desk: Desk) {}

  make(): TileElement {
    const tile = document.createElement("div") as TileElement;
    tile.setAttribute("role", "gridcell");
    tile.className = "fg-tile";
    const picture = document.createElement("img");
    picture.alt = "";
    picture.draggable = false;
    picture.decoding = "async";
    const [badge, name] = [document.createElement("span"), document.createElement("span")];
    badge.className = "fg-badge";
    name.className = "fg-caption";
    tile.append(picture, badge, name);
    return tile;
  }

  assign(tile: TileElement, face: number, column: number): void {
    tile.face = face;
    tile.setAttribute("aria-colindex", String(column));
    this.painted.delete(tile);
  }

  forget(tiles: TileElement[]): void {
    for (const tile of tiles) {
      const id = tile.dataset["face"];
      if (id && this.byId.get(id) === tile) this.byId.delete(id);
    }
  }

  all(tiles: TileElement[]): void {
    for (const tile of tiles) this.one(tile);
  }

  pictures(ids: string[]): void {
    for (const id of ids) {
      const tile = this.byId.get(id);
      if (tile) this.one(tile);
    }
  }

  private one(tile: TileElement): void {
    const { state } = this.desk;
    const face = state.pages.at(tile.face ?? -1);
    tile.tabIndex = tile.face === state.selection.at ? 0 : -1;
    const url = face && this.desk.pictures.of(face.faceId);
    const marks = face ? marksOf(face, state) : ["fg-empty-tile"];
    const badge = face ? badgeOf(face, state) : "";
    const caption = face ? captionOf(face, state) : "";
    const shows = [face?.faceId, url, badge, caption, ...marks].join(" ");
    if (this.painted.get(tile) === shows) return;
    this.painted.set(tile, shows);
    if (tile.dataset["face"] && tile.dataset["face"] !== face?.faceId) this.forget([tile]);
    tile.dataset["face"] = face?.faceId ?? "";
    if (face) this.byId.set(face.faceId, tile);
    tile.className = ["fg-tile", ...marks, ...(url === "" ? ["fg-gone"] : [])].join(" ");
    tile.setAttribute("aria-selected", String(marks.includes("fg-chosen")));
    tile.setAttribute("aria-label", face ? spoken(face, marks) : "not loaded yet");
    tile.title = face ? hint(face) : "";
    const [picture, badgeAt, captionAt] = tile.children as unknown as [HTMLImageElement, HTMLElement, HTMLElement];
    if (!url) picture.removeAttribute("src");
    else if (picture.src !== url) picture.src = url;
    badgeAt.textContent = badge;
    captionAt.textContent = caption;
  }
}

function marksOf(face: Tile, state: State): string[] {
  const isBelow = state.threshold !== null && face.similarity !== null && face.similarity < state.threshold;
  return [
    `fg-${face.state}`,
    ...(isChosen(state.selection, face.faceId) ? ["fg-chosen"] : []),
    ...(face.isOdd ? ["fg-odd"] : []),
    ...(isBelow ? ["fg-below"] : []),
  ];
}

function badgeOf(face: Tile, state: State): string {
  if (face.isOdd) return "odd one?";
  const alike = state.found ? face.likeness : state.query.place === "unconfirmed" ? face.similarity : null;
  return alike != null && state.tile >= 64 ? similarity(alike) : "";
}

function captionOf(face: Tile, state: State): string {
  const isOne = state.query.personId !== undefined && !state.found;
  return !isOne && state.tile >= CAPTION_FROM_PX ? (face.personName ?? "") : "";
}

function spoken(face: Tile, marks: string[]): string {
  const who = face.personName ?? "no name";
  const how = { open: "", confirmed: "confirmed", recognised: "named by the machine", dismissed: "ignored" }[face.state];
  const facts = [
    who, how, face.similarity === null ? "" : `similarity ${similarity(face.similarity)}`, face.takenAt !== null ? day(face.takenAt) : "",
    face.isOdd ? "odd one?" : "", marks.includes("fg-below") ? "below the threshold" : "",
  ];
  return facts.filter(Boolean).join(", ");
}

function hint(face: Tile): string {
  const quality = face.quality === null ? "" : `quality ${face.quality.toFixed(2)}`;
  return [spoken(face, []), quality, `${Math.round(face.size)} px`].filter(Boolean).join(" · ");
}
