// Boxes on a photo, in shares of its sides.
import type { Box } from "./types.ts";

export interface Point {
  x: number;
  y: number;
}

const SMALLEST = 0.01;
const STEP = 0.01;

/** The box between two corners, kept inside the photo. */
export function boxOf(a: Point, b: Point): Box {
  const [left, right] = [share(Math.min(a.x, b.x)), share(Math.max(a.x, b.x))];
  const [top, bottom] = [share(Math.min(a.y, b.y)), share(Math.max(a.y, b.y))];
  return inside({ x: left, y: top, width: right - left, height: bottom - top });
}

/** A step with an arrow key; `isResizing`: its right and lower side move, the corner stays. */
export function moved(box: Box, key: string, isResizing: boolean): Box {
  const [dx, dy] = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] }[key] ?? [0, 0];
  if (isResizing) return inside({ ...box, width: box.width + dx!, height: box.height + dy! });
  return { ...box, x: between(box.x + dx!, 0, 1 - box.width), y: between(box.y + dy!, 0, 1 - box.height) };
}

function inside(box: Box): Box {
  const width = between(box.width, SMALLEST, 1 - Math.min(box.x, 1 - SMALLEST));
  const height = between(box.height, SMALLEST, 1 - Math.min(box.y, 1 - SMALLEST));
  return { x: Math.min(box.x, 1 - width), y: Math.min(box.y, 1 - height), width, height };
}

function share(value: number): number {
  return between(value, 0, 1);
}

function between(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
