// The grid on the screen: only the rows near the window exist, and they are used again as it scrolls.
import type { Desk } from "./desk.ts";
import { layOut, scrollTo, step, topOf, visibleRows, within, type Layout } from "./layout.ts";
import * as select from "./selection.ts";
import { Paint, type TileElement } from "./tile.ts";

const SPARE_ROWS = 3;
const FETCH_EVERY_MS = 50;
const DRAG_FROM_PX = 6;
const EDGE_PX = 24;

interface Row {
  element: HTMLElement;
  tiles: TileElement[];
}

export class GridView {
  private layout: Layout = layOut(0, 112, 600);
  private readonly sheet = document.createElement("div");
  private readonly band = document.createElement("div");
  private rows = new Map<number, Row>();
  private spare: Row[] = [];
  private readonly paint: Paint;
  private readonly sizes: ResizeObserver;
  private readonly off: (() => void)[];
  private frame = 0;
  private fetching: ReturnType<typeof setTimeout> | undefined;
  private shown: object | null = null; // the pages that are drawn
  private drag: { x: number; y: number; isOn: boolean; isAdding: boolean } | null = null;

  constructor(private readonly box: HTMLElement, private readonly desk: Desk) {
    this.sheet.className = "fg-sheet";
    this.sheet.setAttribute("role", "rowgroup");
    this.band.className = "fg-band";
    this.band.setAttribute("aria-hidden", "true");
    this.band.hidden = true;
    box.append(this.sheet);
    this.paint = new Paint(desk);
    this.sizes = new ResizeObserver(() => this.draw());
    this.sizes.observe(box);
    this.off = [
      desk.store.subscribe(() => this.draw()),
      desk.pictures.onPictures((ids) => this.paint.pictures(ids)),
    ];
    box.addEventListener("scroll", this.draw, { passive: true });
    box.addEventListener("pointerdown", this.pointerdown);
    box.addEventListener("click", this.click);
    box.addEventListener("dblclick", this.dblclick);
    box.addEventListener("wheel", this.wheel, { passive: false });
    this.draw();
  }

  close(): void {
    this.sizes.disconnect();
    this.off.forEach((off) => off());
    cancelAnimationFrame(this.frame);
    clearTimeout(this.fetching);
    this.stopDragging();
    this.box.replaceChildren();
  }

  /** The tile that has the keyboard gets the browser's focus. */
  focus(): void {
    this.now();
    const tile = this.tileAt(this.desk.state.selection.at);
    (tile ?? this.box).focus({ preventScroll: true });
  }

  /** Go where a key leads, and draw a range where it extends. */
  async move(key: string, isExtending: boolean): Promise<void> {
    const { selection, pages } = this.desk.state;
    if (!pages.total) return;
    const pageRows = Math.max(1, Math.floor(this.box.clientHeight / this.layout.pitch));
    const to = step(key, selection.at, pages.total, this.layout.columns, pageRows);
    this.box.scrollTop = scrollTo(this.layout, Math.floor(to / this.layout.columns), this.box.scrollTop, this.box.clientHeight);
    if (isExtending) await this.desk.extendTo(to);
    else this.desk.choose(select.move(selection, to));
    this.focus();
  }

  // --- drawing

  private readonly draw = (): void => {
    this.frame ||= requestAnimationFrame(() => this.now());
  };

  private now(): void {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    const hasKeyboard = this.box.contains(document.activeElement);
    const { pages, tile, selection } = this.desk.state;
    const { clientHeight: height } = this.box;
    const width = this.sheet.clientWidth;
    const layout = layOut(pages.total, tile, width);
    const isAnew = layout.columns !== this.layout.columns || layout.pitch !== this.layout.pitch || this.shown !== pages;
    if (this.shown !== pages) this.box.scrollTop = this.topFor(layout, selection.at);
    else if (layout.pitch !== this.layout.pitch) this.keepInSight(layout, height);
    this.layout = layout;
    this.shown = pages;
    if (isAnew) this.letGo(() => true);
    this.sheet.style.height = `${layout.height}px`;
    this.sheet.style.setProperty("--fg-tile", `${layout.tile}px`);
    this.box.setAttribute("aria-rowcount", String(layout.rows));
    this.box.setAttribute("aria-colcount", String(layout.columns));
    this.place(height);
    if (hasKeyboard && document.activeElement === this.box) this.tileAt(selection.at)?.focus({ preventScroll: true });
  }

  private place(height: number): void {
    const { layout, box } = this;
    const top = box.scrollTop;
    const { from, to } = visibleRows(layout, top, height, SPARE_ROWS);
    const active = Math.floor(this.desk.state.selection.at / layout.columns);
    this.letGo((row) => (row < from || row >= to) && row !== active);
    for (let row = from; row < to; row++) this.placeRow(row, top, height);
    if (active < layout.rows && (active < from || active >= to)) this.placeRow(active, top, height);
    this.paint.all([...this.rows.values()].flatMap((row) => row.tiles));
    this.want(from, to, top, height);
  }

  private placeRow(number: number, top: number, height: number): void {
    const row = this.rows.get(number) ?? this.newRow(number);
    row.element.style.transform = `translateY(${topOf(this.layout, number, top, height)}px)`;
  }

  private newRow(number: number): Row {
    const row = this.spare.pop() ?? { element: document.createElement("div"), tiles: [] };
    row.element.className = "fg-row-of-tiles";
    row.element.setAttribute("role", "row");
    row.element.setAttribute("aria-rowindex", String(number + 1));
    const first = number * this.layout.columns;
    const count = Math.min(this.layout.columns, this.desk.state.pages.total - first);
    while (row.tiles.length < count) {
      const tile = this.paint.make();
      row.tiles.push(tile);
      row.element.append(tile);
    }
    row.tiles.splice(count).forEach((tile) => tile.remove());
    row.tiles.forEach((tile, column) => this.paint.assign(tile, first + column, column + 1));
    if (!row.element.isConnected) this.sheet.append(row.element);
    this.rows.set(number, row);
    return row;
  }

  private letGo(isGone: (row: number) => boolean): void {
    for (const [number, row] of this.rows) {
      if (!isGone(number)) continue;
      this.rows.delete(number);
      if (row.element.contains(document.activeElement)) this.box.focus({ preventScroll: true });
      row.element.remove();
      this.paint.forget(row.tiles);
      if (this.spare.length < 40) this.spare.push(row);
    }
  }

  /** Ask for the tiles and pictures in sight, at a measured pace while it scrolls. */
  private want(from: number, to: number, top: number, height: number): void {
    const { pages, tile } = this.desk.state;
    const { columns } = this.layout;
    const sight = visibleRows(this.layout, top, height, 0);
    const ids = (first: number, last: number): string[] =>
      Array.from({ length: Math.max(0, last - first) * columns }, (_, place) => pages.at(first * columns + place)?.faceId ?? "").filter(Boolean);
    if (this.desk.pictures.showAt(tile * devicePixelRatio)) this.paint.all([...this.rows.values()].flatMap((row) => row.tiles));
    this.desk.pictures.want([...ids(sight.from, sight.to), ...ids(from, sight.from), ...ids(sight.to, to)]);
    this.fetching ??= setTimeout(() => {
      this.fetching = undefined;
      void this.fetchInSight();
    }, FETCH_EVERY_MS);
  }

  private async fetchInSight(): Promise<void> {
    const { pages } = this.desk.state;
    const { from, to } = visibleRows(this.layout, this.box.scrollTop, this.box.clientHeight, SPARE_ROWS);
    const [first, last] = [from * this.layout.columns, Math.min(to * this.layout.columns, pages.total)];
    const isMissing = Array.from({ length: Math.max(0, last - first) }, (_, place) => pages.at(first + place)).some((tile) => !tile);
    if (!isMissing) return;
    await this.desk.guarded(() => pages.ensure(first, last));
    this.draw();
  }

  private topFor(layout: Layout, at: number): number {
    return at ? scrollTo(layout, Math.floor(at / layout.columns), this.box.scrollTop, this.box.clientHeight) : 0;
  }

  private keepInSight(layout: Layout, height: number): void {
    const first = visibleRows(this.layout, this.box.scrollTop, height, 0).from * this.layout.columns;
    this.sheet.style.height = `${layout.height}px`;
    this.box.scrollTop = (Math.floor(first / layout.columns) * layout.pitch) / layout.scale;
  }

  private tileAt(index: number): TileElement | undefined {
    const row = this.rows.get(Math.floor(index / this.layout.columns));
    return row?.tiles[index % this.layout.columns];
  }

  // --- the mouse

  private readonly click = (event: MouseEvent): void => {
    const tile = (event.target as HTMLElement).closest<TileElement>(".fg-tile");
    const { selection } = this.desk.state;
    if (!tile?.dataset["face"] || tile.face === undefined) return this.desk.choose(select.clear(selection));
    if (event.shiftKey) void this.desk.extendTo(tile.face);
    else if (event.ctrlKey || event.metaKey) this.desk.choose(select.toggle(selection, tile.face, tile.dataset["face"]));
    else this.desk.choose(select.only(tile.face, tile.dataset["face"]));
    tile.focus({ preventScroll: true });
  };

  private readonly dblclick = (event: MouseEvent): void => {
    const tile = (event.target as HTMLElement).closest<TileElement>(".fg-tile");
    const found = tile?.face === undefined ? undefined : this.desk.state.pages.at(tile.face);
    if (found) this.desk.store.set({ photo: { assetId: found.assetId, faceId: found.faceId } });
  };

  private readonly wheel = (event: WheelEvent): void => {
    if (!event.ctrlKey) return;
    event.preventDefault(); // the page's own zoom stays on Ctrl and plus
    this.desk.setTile(this.desk.state.tile * (event.deltaY < 0 ? 1.1 : 1 / 1.1));
  };

  private readonly pointerdown = (event: PointerEvent): void => {
    const isOnBar = event.offsetX > this.box.clientWidth && event.target === this.box;
    if (event.button !== 0 || event.pointerType === "touch" || isOnBar) return;
    const { x, y } = this.pointIn(event);
    this.drag = { x, y, isOn: false, isAdding: event.ctrlKey || event.metaKey || event.shiftKey };
    window.addEventListener("pointermove", this.pointermove);
    window.addEventListener("pointerup", this.pointerup);
    window.addEventListener("pointercancel", this.pointerup);
  };

  private readonly pointermove = (event: PointerEvent): void => {
    if (!this.drag) return;
    const to = this.pointIn(event);
    if (!this.drag.isOn && Math.hypot(to.x - this.drag.x, to.y - this.drag.y) < DRAG_FROM_PX) return;
    this.drag.isOn = true;
    const rect = this.box.getBoundingClientRect();
    if (event.clientY > rect.bottom - EDGE_PX) this.box.scrollTop += EDGE_PX;
    if (event.clientY < rect.top + EDGE_PX) this.box.scrollTop -= EDGE_PX;
    this.drawBand(to);
  };

  private drawBand(to: { x: number; y: number }): void {
    if (!this.drag) return;
    const { x, y } = this.drag;
    const band = { left: Math.min(x, to.x), right: Math.max(x, to.x), top: Math.min(y, to.y), bottom: Math.max(y, to.y) };
    Object.assign(this.band.style, {
      transform: `translate(${band.left}px, ${band.top}px)`, width: `${band.right - band.left}px`, height: `${band.bottom - band.top}px`,
    });
    this.band.hidden = false;
    if (!this.band.isConnected) this.sheet.append(this.band);
    const { pages, selection } = this.desk.state;
    const ids = within(this.layout, pages.total, band).map((at) => pages.at(at)?.faceId).filter((id) => id !== undefined);
    this.desk.choose(select.band(selection, ids, this.drag.isAdding));
  }

  private readonly pointerup = (): void => {
    const wasOn = this.drag?.isOn;
    this.stopDragging();
    if (!wasOn) return;
    window.addEventListener("click", (event) => event.stopPropagation(), { capture: true, once: true }); // its end is no click
    setTimeout(() => this.focus());
  };

  private stopDragging(): void {
    this.drag = null;
    this.band.hidden = true;
    this.band.remove();
    window.removeEventListener("pointermove", this.pointermove);
    window.removeEventListener("pointerup", this.pointerup);
    window.removeEventListener("pointercancel", this.pointerup);
  }

  private pointIn(event: PointerEvent): { x: number; y: number } {
    const rect = this.sheet.getBoundingClientRect();
    return { x: event.clientX - rect.left, y: event.clientY - rect.top };
  }
}
