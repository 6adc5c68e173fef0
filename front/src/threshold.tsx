// How alike the machine's faces of one person are, and the bar from which on they are confirmed.
import type { Desk } from "./desk.ts";
import { act, type Stage } from "./act.ts";
import { isEmpty } from "./selection.ts";
import type { Histogram } from "./types.ts";
import { number, similarity } from "./words.ts";

const STEP = 0.005;

export function Threshold({ desk, stage }: { desk: Desk; stage: Stage }) {
  const { query, histogram, threshold, pages, above, selection } = desk.state;
  if (query.place !== "unconfirmed" || !query.personId || !histogram?.bins.length || desk.state.found) return null;
  const low = Math.floor(histogram.bins[0]!.low / STEP) * STEP;
  const high = Math.ceil(histogram.bins.at(-1)!.high / STEP) * STEP;
  const value = threshold ?? low;
  const passing = threshold === null ? pages.total : (above ?? estimate(histogram, value));
  const below = pages.total - passing;
  const drag = (to: number) => desk.setThreshold(to <= low ? null : to);
  return (
    <div class="fg-threshold">
      <div class="fg-histogram">
        <Bars histogram={histogram} from={value} low={low} high={high} />
        <input type="range" min={low} max={high} step={STEP} value={value} aria-label="Confirm from this similarity on"
          aria-valuetext={`similarity ${similarity(value)}: ${passing} above, ${below} below`} onInput={(event) => drag(Number(event.currentTarget.value))} />
      </div>
      <output class="fg-threshold-text">from {similarity(value)}: <b>{number(passing)}</b>{below > 0 && `, ${number(below)} below`}</output>
      <div class="fg-threshold-actions">
        <button type="button" class="fg-button" data-action="confirm" disabled={desk.state.isBusy || !isEmpty(selection) || !passing}
          onClick={() => void desk.decisions.confirm().then(() => stage.focusGrid())}>Confirm {number(passing)}</button>
        {below > 0 && <button type="button" class="fg-button" data-action="reject-below" disabled={desk.state.isBusy || !isEmpty(selection)}
          onClick={() => void desk.decisions.reject(true).then(() => stage.focusGrid())}>Reject the {number(below)} below</button>}
        <button type="button" class="fg-button" onClick={() => void act({ do: "group", by: 1 }, desk, stage)}>Next person <kbd>Alt+↓</kbd></button>
      </div>
    </div>
  );
}

function Bars({ histogram, from, low, high }: { histogram: Histogram; from: number; low: number; high: number }) {
  const most = Math.max(...histogram.bins.map((bin) => bin.faces), 1);
  const x = (value: number) => (100 * (value - low)) / Math.max(high - low, STEP);
  return (
    <svg viewBox="0 0 100 40" preserveAspectRatio="none" aria-hidden="true">
      {histogram.bins.map((bin) => {
        const height = bin.faces ? Math.max(1.5, (38 * bin.faces) / most) : 0;
        return <rect key={bin.low} x={x(bin.low)} width={Math.max(0.4, x(bin.high) - x(bin.low) - 0.3)} y={40 - height} height={height}
          class={bin.high <= from ? "fg-bin-below" : "fg-bin"} />;
      })}
    </svg>
  );
}

/** Until the exact count has come: whole bins, and of the one that is cut its share. */
export function estimate(histogram: Histogram, from: number): number {
  return Math.round(histogram.bins.reduce((sum, bin) => {
    const share = (bin.high - Math.max(bin.low, Math.min(from, bin.high))) / Math.max(bin.high - bin.low, 1e-9);
    return sum + bin.faces * Math.min(1, Math.max(0, share));
  }, 0));
}
