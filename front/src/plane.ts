// The map's arithmetic: which points a lasso holds, how the plane lies on the screen, and where names have room.

export interface Point {
  x: number;
  y: number;
}

/** Where the plane, 0 to 1 both ways, lies on a canvas. */
export interface Lens {
  zoom: number; // 1: all of it
  x: number; // of the plane, in the canvas's middle
  y: number;
}

export const WHOLE: Lens = { zoom: 1, x: 0.5, y: 0.5 };
const MOST_ZOOM = 40;
const MARGIN_PX = 24;
const MOST_STRETCHED = 2;

/** How many pixels the plane is wide and high: it fills the canvas, since its axes mean nothing. */
function sides(width: number, height: number, lens: Lens): Point {
  const [x, y] = [Math.max(40, width - 2 * MARGIN_PX), Math.max(40, height - 2 * MARGIN_PX)];
  return { x: Math.min(x, MOST_STRETCHED * y) * lens.zoom, y: Math.min(y, MOST_STRETCHED * x) * lens.zoom };
}

export function toScreen(point: Point, width: number, height: number, lens: Lens): Point {
  const px = sides(width, height, lens);
  return { x: width / 2 + (point.x - lens.x) * px.x, y: height / 2 + (point.y - lens.y) * px.y };
}

export function toPlane(point: Point, width: number, height: number, lens: Lens): Point {
  const px = sides(width, height, lens);
  return { x: lens.x + (point.x - width / 2) / px.x, y: lens.y + (point.y - height / 2) / px.y };
}

/** Nearer or farther by a factor, so that what is under the pointer stays there. */
export function zoomed(lens: Lens, factor: number, at: Point, width: number, height: number): Lens {
  const zoom = Math.min(MOST_ZOOM, Math.max(1, lens.zoom * factor));
  if (zoom === 1) return WHOLE;
  const fixed = toPlane(at, width, height, lens);
  const moved = toPlane(at, width, height, { ...lens, zoom });
  return { zoom, x: lens.x + fixed.x - moved.x, y: lens.y + fixed.y - moved.y };
}

/** Rows of the points inside a closed line (Shimrat 1962: a ray crosses its edges an odd number of times). */
export function inside(xs: ArrayLike<number>, ys: ArrayLike<number>, line: readonly Point[]): number[] {
  if (line.length < 3) return [];
  const [left, right] = [Math.min(...line.map((point) => point.x)), Math.max(...line.map((point) => point.x))];
  const found: number[] = [];
  for (let row = 0; row < xs.length; row++) {
    const [x, y] = [xs[row]!, ys[row]!];
    if (x >= left && x <= right && isInside(x, y, line)) found.push(row);
  }
  return found;
}

function isInside(x: number, y: number, line: readonly Point[]): boolean {
  let odd = false;
  for (let at = 0, before = line.length - 1; at < line.length; before = at++) {
    const [one, other] = [line[at]!, line[before]!];
    if (one.y > y !== other.y > y && x < ((other.x - one.x) * (y - one.y)) / (other.y - one.y) + one.x) odd = !odd;
  }
  return odd;
}

/** The row of the point nearest to a place, no farther than `within` both ways; -1 where there is none. */
export function nearest(xs: ArrayLike<number>, ys: ArrayLike<number>, at: Point, within: Point): number {
  let best = 1;
  let found = -1;
  for (let row = 0; row < xs.length; row++) {
    const distance = ((xs[row]! - at.x) / within.x) ** 2 + ((ys[row]! - at.y) / within.y) ** 2;
    if (distance <= best) {
      best = distance;
      found = row;
    }
  }
  return found;
}

export interface Label {
  text: string;
  x: number; // its left end and upper edge, px
  y: number;
  width: number;
  row: number; // of the group
}

/** Names of groups where they hide no other name, the first first; one that has no room is left for a nearer look. */
export function placed(groups: readonly { text: string; x: number; y: number }[], widthOf: (text: string) => number, height: number): Label[] {
  const labels: Label[] = [];
  groups.forEach(({ text, x, y }, row) => {
    const width = widthOf(text);
    for (const [dx, dy] of [[-width / 2, -height - 6], [-width / 2, 6], [8, -height / 2], [-width - 8, -height / 2]] as const) {
      const label = { text, x: x + dx, y: y + dy, width, row };
      const isFree = labels.every((other) =>
        label.x > other.x + other.width + 4 || other.x > label.x + width + 4 || label.y > other.y + height || other.y > label.y + height);
      if (!isFree) continue;
      labels.push(label);
      return;
    }
  });
  return labels;
}

export interface Span {
  key: string;
  since: string;
  until: string;
  faces: number;
}

/** Days put together: by day where they are few, by month, or by year, with the empty ones between, so that time is even. */
export function spans(days: readonly { day: string; faces: number }[], most = 90): Span[] {
  const first = days[0]?.day;
  const last = days.at(-1)?.day;
  if (!first || !last) return [];
  const lengthDays = (Date.parse(last) - Date.parse(first)) / 86_400_000 + 1;
  const letters = lengthDays <= most ? 10 : lengthDays / 30.5 <= most ? 7 : 4; // of the key: 2025-12-24, 2025-12, 2025
  const sums = new Map<string, number>();
  for (let key = first.slice(0, letters); key <= last.slice(0, letters); key = next(key)) sums.set(key, 0);
  for (const { day, faces } of days) sums.set(day.slice(0, letters), (sums.get(day.slice(0, letters)) ?? 0) + faces);
  return [...sums].map(([key, faces]) => ({ key, faces, since: start(key), until: end(key) }));
}

function start(key: string): string {
  return `${key}${"-01-01".slice(key.length - 4)}`;
}

function end(key: string): string {
  const after = new Date(start(next(key)));
  return new Date(after.getTime() - 86_400_000).toISOString().slice(0, 10);
}

function next(key: string): string {
  const moment = new Date(`${start(key)}T00:00:00Z`);
  if (key.length === 10) moment.setUTCDate(moment.getUTCDate() + 1);
  else if (key.length === 7) moment.setUTCMonth(moment.getUTCMonth() + 1);
  else moment.setUTCFullYear(moment.getUTCFullYear() + 1);
  return moment.toISOString().slice(0, key.length);
}
