// The faces of one query, fetched page by page as they come into sight; old pages are let go.
import type { Api } from "./api.ts";
import type { FaceQuery, Tile } from "./types.ts";

export const PAGE = 200;
const KEPT = 60; // pages: 12,000 tiles
const LARGEST = 1000; // that the service gives at once

export class Pages {
  total = 0;
  revision = "";
  isKnown = false; // whether the total is
  private readonly kept = new Map<number, Tile[]>(); // by number of the page, least recently seen first
  private readonly asked = new Map<number, Promise<void>>();

  constructor(private readonly api: Pick<Api, "grid">, readonly query: FaceQuery) {}

  at(index: number): Tile | undefined {
    return this.kept.get(Math.floor(index / PAGE))?.[index % PAGE];
  }

  /** All tiles at hand. */
  *loaded(): Iterable<Tile> {
    for (const page of this.kept.values()) yield* page;
  }

  /** See to it that the tiles from `from` to before `to` are at hand. */
  async ensure(from: number, to: number): Promise<void> {
    const last = Math.floor(Math.max(from, to - 1) / PAGE);
    const wanted: Promise<void>[] = [];
    for (let number = Math.floor(from / PAGE); number <= last; number++) {
      const page = this.kept.get(number);
      if (page) this.keep(number, page);
      else wanted.push(this.fetch(number));
    }
    await Promise.all(wanted);
  }

  /** The ids of a range, fetched where they are not at hand. */
  async idsBetween(from: number, to: number): Promise<string[]> {
    const [first, last] = [Math.min(from, to), Math.max(from, to)];
    const ids: string[] = [];
    for (let at = first; at <= last; ) {
      const tile = this.at(at);
      if (tile) {
        ids.push(tile.faceId);
        at += 1;
        continue;
      }
      const found = await this.api.grid(this.query, at, Math.min(LARGEST, last - at + 1));
      if (!found.faces.length) break;
      ids.push(...found.faces.map((face) => face.faceId));
      at += found.faces.length;
    }
    return ids;
  }

  private fetch(number: number): Promise<void> {
    const running = this.asked.get(number);
    if (running) return running;
    const started = this.api.grid(this.query, number * PAGE, PAGE).then((found) => {
      this.total = found.total;
      this.revision ||= found.revision; // of what was seen first: what changed since is told
      this.isKnown = true;
      this.keep(number, found.faces);
    }).finally(() => this.asked.delete(number));
    this.asked.set(number, started);
    return started;
  }

  private keep(number: number, tiles: Tile[]): void {
    this.kept.delete(number);
    this.kept.set(number, tiles);
    const oldest = this.kept.keys().next().value;
    if (this.kept.size > KEPT && oldest !== undefined) this.kept.delete(oldest);
  }
}
