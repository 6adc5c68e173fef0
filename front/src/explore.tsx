// Linked views of the grid's faces: a map, a histogram and a timeline. What is chosen in one is shown in the grid.
import { useEffect, useRef, useState } from "preact/hooks";
import { draw, nameOf } from "./canvas.ts";
import type { Stage } from "./act.ts";
import type { Desk } from "./desk.ts";
import { inside, nearest, spans, toPlane, toScreen, WHOLE, zoomed, type Lens, type Point } from "./plane.ts";
import { Portrait } from "./portrait.tsx";
import * as select from "./selection.ts";
import { LABELS } from "./sidebar.tsx";
import { withGroup } from "./store.ts";
import { PLACES, type FaceMap, type FaceQuery, type Histogram, type Place, type Quantity, type Timeline } from "./types.ts";
import { counted, number } from "./words.ts";
import "./explore.css";

const BINS = 40;
const MOST_CHOSEN = 10_000; // that are shown by their ids
const PREVIEWED = 10;
const HOVER_PX = 12;

export function Explore({ desk, stage }: { desk: Desk; stage: Stage }) {
  const [query, setQuery] = useState<FaceQuery>(() => withGroup(desk.state.query, undefined));
  const [map, setMap] = useState<FaceMap | null>(null);
  const [rows, setRows] = useState<readonly number[]>([]);
  useEffect(() => {
    setMap(null);
    setRows([]);
    let isWanted = true;
    void desk.guarded(() => desk.api.map(query)).then((found) => isWanted && found && setMap(found));
    return () => void (isWanted = false);
  }, [query]);
  const show = async () => {
    const ids = rows.slice(0, MOST_CHOSEN).map((row) => map!.faceIds[row]!);
    const found = await desk.guarded(() => desk.api.tiles(ids));
    if (!found) return;
    desk.showFaces(found.faces, `${counted(found.faces.length)} from the map, all selected: type a name. Esc goes back.`);
    setTimeout(() => {
      desk.choose(select.band(desk.state.selection, found.faces.map((face) => face.faceId), false));
      stage.focusGrid();
    });
  };
  const filter = async (change: Partial<FaceQuery>) => {
    desk.store.set({ view: null });
    await desk.visit({ ...query, ...change });
    stage.focusGrid();
  };
  return (
    <div class="fg-view fg-explore" tabIndex={-1} data-busy={map ? undefined : ""}>
      <header class="fg-head">
        <div class="fg-title"><h1>Map</h1><p>{map ? facts(map) : "Placing the faces …"}</p></div>
        <div class="fg-tools">
          <select class="fg-field" aria-label="Which faces" value={query.place} onChange={(event) => setQuery({ place: event.currentTarget.value as Place })}>
            {PLACES.map((place) => <option key={place} value={place}>{LABELS[place]}</option>)}
          </select>
          <button type="button" class="fg-button fg-main-button" data-action="show" disabled={!rows.length} onClick={() => void show()}>
            {rows.length ? `Show ${counted(Math.min(rows.length, MOST_CHOSEN))}` : "Draw round faces"}</button>
        </div>
      </header>
      <div class="fg-explore-body">
        <MapCanvas desk={desk} map={map} rows={rows} choose={setRows} />
        <aside class="fg-explore-side">
          <Chosen desk={desk} map={map} rows={rows} />
          <Largest map={map} choose={setRows} />
          <Bins desk={desk} query={query} filter={filter} />
        </aside>
      </div>
      <Days desk={desk} query={query} filter={filter} />
    </div>
  );
}

function facts(map: FaceMap): string {
  const of = map.faceIds.length < map.total ? `${number(map.faceIds.length)} of ${counted(map.total)}, drawn by chance` : counted(map.total);
  return `${of} · neighbours look alike, larger distances mean little`;
}

interface MapProps { desk: Desk; map: FaceMap | null; rows: readonly number[]; choose: (rows: readonly number[]) => void }

function MapCanvas({ desk, map, rows, choose }: MapProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [lens, setLens] = useState<Lens>(WHOLE);
  const [lasso, setLasso] = useState<Point[]>([]);
  const [hovered, setHovered] = useState(-1);
  const [, resized] = useState(0);
  useEffect(() => setLens(WHOLE), [map]);
  useEffect(() => {
    const observer = new ResizeObserver(() => resized((count) => count + 1));
    if (canvas.current) observer.observe(canvas.current);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const redraw = () => resized((count) => count + 1);
    dark.addEventListener("change", redraw);
    return () => {
      observer.disconnect();
      dark.removeEventListener("change", redraw);
    };
  }, []);
  useEffect(() => {
    if (!canvas.current || !map) return;
    const frame = requestAnimationFrame(() => canvas.current && draw(canvas.current, { map, lens, chosen: new Set(rows), lasso, hovered }));
    return () => cancelAnimationFrame(frame);
  });
  const size = (): [number, number] => [canvas.current?.clientWidth ?? 1, canvas.current?.clientHeight ?? 1];
  const at = (event: MouseEvent): Point => ({ x: event.offsetX, y: event.offsetY });
  const zoom = (factor: number, where?: Point) => setLens((now) => zoomed(now, factor, where ?? { x: size()[0] / 2, y: size()[1] / 2 }, ...size()));
  const finish = () => {
    if (map && lasso.length > 3) choose(inside(map.x, map.y, lasso.map((point) => toPlane(point, ...size(), lens))));
    else if (map && hovered >= 0) choose(groupOf(map, hovered));
    else choose([]);
    setLasso([]);
  };
  const hover = (point: Point) => {
    if (!map) return;
    const [one, other] = [toPlane(point, ...size(), lens), toPlane({ x: point.x + HOVER_PX, y: point.y + HOVER_PX }, ...size(), lens)];
    setHovered(nearest(map.x, map.y, one, { x: other.x - one.x, y: other.y - one.y }));
  };
  const tip = map && hovered >= 0 && !lasso.length ? toScreen({ x: map.x[hovered]!, y: map.y[hovered]! }, ...size(), lens) : null;
  return (
    <div class="fg-map">
      <canvas ref={canvas} role="img" aria-label={map ? `Map of ${counted(map.faceIds.length)}; the groups beside it choose the same by keyboard` : "Map"}
        onPointerDown={(event) => { event.currentTarget.setPointerCapture(event.pointerId); setLasso([at(event)]); }}
        onPointerMove={(event) => (lasso.length ? setLasso([...lasso, at(event)]) : hover(at(event)))}
        onPointerUp={() => lasso.length && finish()} onPointerLeave={() => setHovered(-1)}
        onWheel={(event) => { event.preventDefault(); zoom(Math.exp(-event.deltaY / 300), at(event)); }} />
      {tip && map && <figure class="fg-map-tip" style={{ left: `${Math.min(tip.x + 14, size()[0] - 110)}px`, top: `${Math.min(tip.y + 14, size()[1] - 130)}px` }}>
        <Portrait desk={desk} faceId={map.faceIds[hovered]} /><figcaption>{captionOf(map, hovered)}</figcaption></figure>}
      <div class="fg-map-zoom" role="group" aria-label="Zoom">
        <button type="button" class="fg-button" aria-label="Nearer" onClick={() => zoom(1.6)}>+</button>
        <button type="button" class="fg-button" aria-label="Farther" onClick={() => zoom(1 / 1.6)}>−</button>
        <button type="button" class="fg-button" onClick={() => setLens(WHOLE)}>All</button>
      </div>
    </div>
  );
}

function groupOf(map: FaceMap, row: number): number[] {
  const group = map.groups[row]!;
  return group < 0 ? [row] : map.groups.flatMap((other, at) => (other === group ? [at] : []));
}

function captionOf(map: FaceMap, row: number): string {
  const group = map.largest[map.groups[row]!];
  return group ? nameOf(group) : map.groups[row]! < 0 ? "in no group" : "a small group";
}

function Chosen({ desk, map, rows }: { desk: Desk; map: FaceMap | null; rows: readonly number[] }) {
  if (!map || !rows.length) return <p class="fg-hint">Draw round faces, or click one for its group; the wheel zooms.</p>;
  const step = Math.max(1, Math.floor(rows.length / PREVIEWED));
  const shown = rows.filter((_row, at) => at % step === 0).slice(0, PREVIEWED);
  return (
    <section aria-label="Chosen faces">
      <p>{counted(rows.length)} chosen</p>
      <div class="fg-explore-faces">{shown.map((row) => <Portrait key={map.faceIds[row]} desk={desk} faceId={map.faceIds[row]} />)}</div>
    </section>
  );
}

function Largest({ map, choose }: { map: FaceMap | null; choose: (rows: readonly number[]) => void }) {
  if (!map?.largest.length) return null;
  const pick = (rank: number) => choose(map.groups.flatMap((group, row) => (group === rank ? [row] : [])));
  return (
    <label class="fg-stacked">Groups, the largest first
      <select class="fg-field" onChange={(event) => event.currentTarget.value && pick(Number(event.currentTarget.value))}>
        <option value="">choose one</option>
        {map.largest.map((group, rank) => <option key={group.key} value={rank}>{group.isPerson ? `${group.label}, ${group.faces}` : nameOf(group)}</option>)}
      </select>
    </label>
  );
}

const QUANTITIES: { of: Quantity; label: string; low?: keyof FaceQuery; high?: keyof FaceQuery }[] = [
  { of: "similarity", label: "Similarity", low: "minSimilarity", high: "maxSimilarity" },
  { of: "quality", label: "Quality", low: "minQuality", high: "maxQuality" },
  { of: "size", label: "Size, px", low: "minSize" },
];

interface LinkedProps { desk: Desk; query: FaceQuery; filter: (change: Partial<FaceQuery>) => Promise<void> }

function Bins({ desk, query, filter }: LinkedProps) {
  const [of, setOf] = useState<Quantity>("quality");
  const [found, setFound] = useState<Histogram | null>(null);
  const [range, setRange] = useState<[number, number]>([0, BINS]);
  useEffect(() => {
    setFound(null);
    setRange([0, BINS]);
    void desk.guarded(() => desk.api.histogram(query, of, BINS)).then((histogram) => histogram && setFound(histogram));
  }, [query, of]);
  const kind = QUANTITIES.find((quantity) => quantity.of === of)!;
  const bins = found?.faces ? found.bins : [];
  const [from, to] = range;
  const most = Math.max(1, ...bins.map((bin) => bin.faces));
  const inRange = bins.slice(from, to).reduce((sum, bin) => sum + bin.faces, 0);
  const words = (at: number) => (of === "size" ? number(Math.round(edge(bins, at))) : edge(bins, at).toFixed(2));
  const isAll = from === 0 && to === BINS;
  const open = () => filter({
    ...(kind.low && from > 0 && { [kind.low]: of === "size" ? Math.round(edge(bins, from)) : edge(bins, from) }),
    ...(kind.high && to < BINS && { [kind.high]: edge(bins, to) }),
  });
  return (
    <section class="fg-explore-bins" aria-label="Histogram">
      <label class="fg-stacked">How many faces, by
        <select class="fg-field" value={of} onChange={(event) => setOf(event.currentTarget.value as Quantity)}>
          {QUANTITIES.map((quantity) => <option key={quantity.of} value={quantity.of}>{quantity.label}</option>)}
        </select>
      </label>
      {!bins.length ? <p class="fg-hint">{found ? "No face here has one." : "…"}</p> : <>
        <svg viewBox={`0 0 ${BINS} 40`} preserveAspectRatio="none" aria-hidden="true">
          {bins.map((bin, at) => <rect key={at} x={at + 0.1} width={0.8} height={bin.faces ? Math.max(1.2, (38 * bin.faces) / most) : 0}
            y={40 - (bin.faces ? Math.max(1.2, (38 * bin.faces) / most) : 0)} class={at >= from && at < to ? "fg-bin" : "fg-bin-below"} />)}
        </svg>
        <input type="range" min={0} max={BINS - 1} value={from} aria-label={`${kind.label} from`} aria-valuetext={words(from)}
          onInput={(event) => setRange([Number(event.currentTarget.value), Math.max(to, Number(event.currentTarget.value) + 1)])} />
        {kind.high && <input type="range" min={1} max={BINS} value={to} aria-label={`${kind.label} up to`} aria-valuetext={words(to)}
          onInput={(event) => setRange([Math.min(from, Number(event.currentTarget.value) - 1), Number(event.currentTarget.value)])} />}
        <p class="fg-explore-range"><span>{words(from)} to {words(to)}</span>
          <button type="button" class="fg-button" disabled={isAll || !inRange} onClick={() => void open()}>Show {counted(inRange)}</button></p>
      </>}
    </section>
  );
}

function edge(bins: Histogram["bins"], at: number): number {
  return at < bins.length ? bins[at]!.low : bins.at(-1)!.high;
}

function Days({ desk, query, filter }: LinkedProps) {
  const [found, setFound] = useState<Timeline | null>(null);
  useEffect(() => {
    setFound(null);
    void desk.guarded(() => desk.api.timeline(query)).then((timeline) => timeline && setFound(timeline));
  }, [query]);
  const parts = spans(found?.days ?? []);
  if (!parts.length) return <p class="fg-hint fg-timeline-empty">{found ? "No photo here says when it was taken." : ""}</p>;
  const most = Math.max(...parts.map((part) => part.faces));
  const step = (event: KeyboardEvent) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const bars = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>("button:enabled")];
    const next = by && bars[bars.indexOf(event.target as HTMLElement) + by];
    if (!next) return;
    event.preventDefault();
    event.stopPropagation();
    next.focus();
  };
  const firstBar = parts.findIndex((part) => part.faces);
  return (
    <section class="fg-timeline" aria-label={`Timeline, ${parts[0]!.key} to ${parts.at(-1)!.key}`}>
      <div class="fg-timeline-bars" onKeyDown={step}>
        {parts.map((part, at) => (
          <button key={part.key} type="button" disabled={!part.faces} tabIndex={at === firstBar ? 0 : -1} title={`${part.key}: ${counted(part.faces)}`}
            aria-label={`${part.key}, ${counted(part.faces)}`} onClick={() => void filter({ since: part.since, until: part.until })}>
            <span style={{ height: part.faces ? `${Math.max(4, (100 * part.faces) / most)}%` : "0" }} />
          </button>
        ))}
      </div>
      <p class="fg-timeline-ends"><span>{parts[0]!.key}</span>{found!.without > 0 && <span>{counted(found!.without)} without a date</span>}<span>{parts.at(-1)!.key}</span></p>
    </section>
  );
}
