// Where tiles lie: rows of equal squares, of which only those near the window exist.

export const GAP = 6;
const TALLEST_PX = 8_000_000; // browsers draw nothing below some 17 million

export interface Layout {
  columns: number;
  rows: number;
  tile: number; // pixels a side: as asked for, and what fills the row
  pitch: number; // from one row to the next
  height: number; // of the whole, as scrolled
  scale: number; // rows' pixels a scrolled pixel: 1 unless the whole is too tall to scroll
}

/** Args in pixels; a grid has at least one column. */
export function layOut(total: number, tile: number, width: number): Layout {
  const columns = Math.max(1, Math.floor((width + GAP) / (tile + GAP)));
  const pitch = columns > 1 && total >= columns ? Math.floor((width + GAP) / columns) : tile + GAP;
  const rows = Math.ceil(total / columns);
  const real = rows * pitch;
  const height = Math.min(real, TALLEST_PX);
  return { columns, rows, tile: pitch - GAP, pitch, height, scale: real ? real / height : 1 };
}

/** Rows to draw, from the first to before the last, with some to spare on both sides. */
export function visibleRows(layout: Layout, scrollTop: number, viewport: number, spare: number): { from: number; to: number } {
  const top = realTop(layout, scrollTop, viewport);
  const from = Math.floor(top / layout.pitch) - spare;
  const to = Math.ceil((top + viewport) / layout.pitch) + spare;
  return { from: Math.max(0, from), to: Math.min(layout.rows, to) };
}

/** Where a row is drawn, in scrolled pixels. */
export function topOf(layout: Layout, row: number, scrollTop: number, viewport: number): number {
  return row * layout.pitch - realTop(layout, scrollTop, viewport) + scrollTop;
}

/** How far to scroll so that a row is seen; the present position where it is. */
export function scrollTo(layout: Layout, row: number, scrollTop: number, viewport: number): number {
  const top = realTop(layout, scrollTop, viewport);
  const start = row * layout.pitch;
  if (start < top) return scrolledFor(layout, start, viewport);
  if (start + layout.pitch > top + viewport) return scrolledFor(layout, start + layout.pitch - viewport, viewport);
  return scrollTop;
}

function realTop(layout: Layout, scrollTop: number, viewport: number): number {
  const range = layout.height - viewport;
  return layout.scale === 1 || range <= 0 ? scrollTop : (scrollTop / range) * (layout.height * layout.scale - viewport);
}

function scrolledFor(layout: Layout, real: number, viewport: number): number {
  const range = layout.height * layout.scale - viewport;
  return layout.scale === 1 || range <= 0 ? Math.max(0, real) : (Math.max(0, real) / range) * (layout.height - viewport);
}

/** The tile that a key leads to; it stays where there is none that way. */
export function step(key: string, at: number, total: number, columns: number, pageRows: number): number {
  const last = total - 1;
  const moves: Record<string, number> = {
    ArrowLeft: at - 1,
    ArrowRight: at + 1,
    ArrowUp: at - columns < 0 ? at : at - columns,
    ArrowDown: at + columns > last ? (Math.floor(at / columns) < Math.floor(last / columns) ? last : at) : at + columns,
    PageUp: Math.max(at % columns, at - columns * pageRows),
    PageDown: Math.min(last, at + columns * pageRows),
    Home: 0,
    End: last,
  };
  return Math.min(last, Math.max(0, moves[key] ?? at));
}

/** The tiles that a rectangle touches, in pixels of the whole grid. */
export function within(
  layout: Layout, total: number, band: { left: number; right: number; top: number; bottom: number },
): number[] {
  const cell = layout.pitch;
  const size = cell - GAP;
  const span = (from: number, to: number, most: number): [number, number] => [
    Math.max(0, Math.floor((from + GAP) / cell)), Math.min(most, Math.floor(to / cell) + 1)];
  const [firstRow, lastRow] = span(band.top, band.bottom, layout.rows);
  const [firstColumn, lastColumn] = span(band.left, band.right, layout.columns);
  const found: number[] = [];
  for (let row = firstRow; row < lastRow; row++) {
    if (row * cell + size < band.top) continue;
    for (let column = firstColumn; column < lastColumn; column++) {
      const at = row * layout.columns + column;
      if (at < total && column * cell + size >= band.left) found.push(at);
    }
  }
  return found;
}
