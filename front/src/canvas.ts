// The map on a canvas: thousands of points in one pass, the chosen ones on top, and the names of groups.
import { placed, toScreen, type Lens, type Point } from "./plane.ts";
import type { FaceMap } from "./types.ts";
import { number } from "./words.ts";

// Okabe and Ito's palette (2008) without black and yellow, which vanish on one theme or the other.
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#9467bd", "#a6761d"];
const LABEL_PX = 13;

export interface Drawn {
  map: FaceMap;
  lens: Lens;
  chosen: ReadonlySet<number>; // rows
  lasso: readonly Point[]; // on the screen
  hovered: number;
}

export function draw(canvas: HTMLCanvasElement, { map, lens, chosen, lasso, hovered }: Drawn): void {
  const pen = canvas.getContext("2d");
  if (!pen) return;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  const ratio = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const style = getComputedStyle(canvas);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const [ink, card, muted, accent] = ["--fg-ink", "--fg-card", "--fg-muted", "--fg-accent"].map(colour) as [string, string, string, string];
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  const radius = Math.max(1.6, Math.min(5, 3.2 * Math.sqrt(lens.zoom) * Math.sqrt(2_000 / Math.max(2_000, map.x.length))));
  const dot = (row: number, size: number) => {
    const at = toScreen({ x: map.x[row]!, y: map.y[row]! }, width, height, lens);
    if (at.x < -9 || at.y < -9 || at.x > width + 9 || at.y > height + 9) return;
    pen.moveTo(at.x + size, at.y);
    pen.arc(at.x, at.y, size, 0, 2 * Math.PI);
  };
  byColour(map).forEach((rows, place) => {
    pen.beginPath();
    rows.forEach((row) => dot(row, place < 0 ? radius * 0.8 : radius));
    pen.fillStyle = place < 0 ? muted : COLOURS[place]!;
    pen.globalAlpha = chosen.size ? 0.35 : place < 0 ? 0.6 : 0.9;
    pen.fill();
  });
  pen.globalAlpha = 1;
  pen.beginPath();
  chosen.forEach((row) => dot(row, radius + 1));
  pen.fillStyle = accent;
  pen.fill();
  pen.lineWidth = 1;
  pen.strokeStyle = ink;
  pen.stroke();
  if (hovered >= 0) {
    pen.beginPath();
    dot(hovered, radius + 4);
    pen.lineWidth = 2;
    pen.strokeStyle = ink;
    pen.stroke();
  }
  names(pen, map, width, height, lens, ink, card);
  outline(pen, lasso, accent);
}

/** Rows by place in the palette; -1: in no group. */
function byColour(map: FaceMap): Map<number, number[]> {
  const found = new Map<number, number[]>([[-1, []]]);
  map.groups.forEach((group, row) => {
    const place = group < 0 ? -1 : group % COLOURS.length;
    const rows = found.get(place);
    if (rows) rows.push(row);
    else found.set(place, [row]);
  });
  return found;
}

function names(pen: CanvasRenderingContext2D, map: FaceMap, width: number, height: number, lens: Lens, ink: string, card: string): void {
  pen.font = `600 ${LABEL_PX - 1}px system-ui, sans-serif`;
  pen.textBaseline = "top";
  const groups = map.largest.map((group) => ({ text: nameOf(group), ...toScreen(group, width, height, lens) }));
  const inSight = groups.filter((group) => group.x > 0 && group.y > 0 && group.x < width && group.y < height);
  pen.lineJoin = "round";
  for (const label of placed(inSight, (text) => pen.measureText(text).width, LABEL_PX + 2)) {
    pen.lineWidth = 3;
    pen.strokeStyle = card;
    pen.strokeText(label.text, label.x, label.y);
    pen.fillStyle = ink;
    pen.fillText(label.text, label.x, label.y);
  }
}

function outline(pen: CanvasRenderingContext2D, lasso: readonly Point[], accent: string): void {
  if (lasso.length < 2) return;
  pen.beginPath();
  lasso.forEach((point, at) => (at ? pen.lineTo(point.x, point.y) : pen.moveTo(point.x, point.y)));
  pen.closePath();
  pen.strokeStyle = accent;
  pen.lineWidth = 1.5;
  pen.stroke();
  pen.globalAlpha = 0.12;
  pen.fillStyle = accent;
  pen.fill();
  pen.globalAlpha = 1;
}

/** A cluster's id says nothing: how many faces it has does. */
export function nameOf(group: FaceMap["largest"][number]): string {
  return group.isPerson ? group.label : `${number(group.faces)} faces`;
}
