// Tune: what other options would do, before and after, with faces that something would happen to; and doing it.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Stage } from "./act.ts";
import type { Desk } from "./desk.ts";
import { Portrait } from "./portrait.tsx";
import type { DetectionEffect, Example, GroupingEffect, Histogram, RecognitionEffect, TuneStart } from "./types.ts";
import { counted, number, similarity } from "./words.ts";
import "./explore.css";

const STEPS = { detection: "Detection", grouping: "Groups", recognition: "Recognition" } as const;
type Step = keyof typeof STEPS;
type Values = Record<string, number | string | boolean | null>;

const START: Record<Step, Values> = {
  detection: { minConfidence: 0.5, minFaceSize: 20, qualityThreshold: 0.5 },
  grouping: { method: "hdbscan", minClusterSize: 5, minSamples: 3, minCohesion: null, minSimilarity: null, qualityThreshold: 0.5 },
  recognition: { similarityThreshold: 0.6, matcher: "champion", again: false },
};
const TRY_AFTER_MS = 250;

export function Tune({ desk }: { desk: Desk; stage: Stage }) {
  const [step, setStep] = useState<Step>("grouping");
  const [all, setAll] = useState(START);
  const [start, setStart] = useState<TuneStart | null>(null);
  const [effect, setEffect] = useState<unknown>(null);
  const [isTrying, setTrying] = useState(false);
  const [tries, setTries] = useState(0); // one more after each decision
  const turn = useRef(0);
  const values = all[step];
  useEffect(() => {
    void desk.guarded(() => desk.api.tuneStart()).then((found) => {
      if (!found) return;
      setStart(found);
      setAll((now) => ({ ...now, recognition: { ...now.recognition, similarityThreshold: Math.round(found.threshold * 100) / 100 } }));
    });
  }, []);
  useEffect(() => {
    const mine = ++turn.current;
    setTrying(true);
    const timer = setTimeout(() => void desk.guarded(() => desk.api.tune<unknown>(step, given(values))).then((found) => {
      if (mine !== turn.current) return;
      setEffect(found);
      setTrying(false);
    }), TRY_AFTER_MS);
    return () => clearTimeout(timer);
  }, [step, values, tries]);
  const set = (change: Values) => setAll((now) => ({ ...now, [step]: { ...now[step], ...change } }));
  const turnTo = (to: Step) => {
    setEffect(null);
    setStep(to);
  };
  const apply = async (text: string) => {
    await desk.decisions.other(text, () => desk.api.tune<object>(step, given(values), true));
    setTries((count) => count + 1);
  };
  const keydown = (event: KeyboardEvent) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    const names = Object.keys(STEPS) as Step[];
    const next = names[(names.indexOf(step) + by + names.length) % names.length]!;
    turnTo(next);
    (event.currentTarget as HTMLElement).querySelector<HTMLElement>(`#fg-tab-${next}`)?.focus();
  };
  const isBusy = desk.state.isBusy;
  return (
    <div class="fg-view fg-tune" tabIndex={-1} data-busy={isTrying || isBusy ? "" : undefined}>
      <header class="fg-head">
        <div class="fg-title"><h1>Tune</h1><p>{isBusy ? "At work …" : isTrying ? "Trying …" : "Nothing changes until you apply it."}</p></div>
        <div class="fg-tools" role="tablist" aria-label="What is tuned" onKeyDown={keydown}>
          {(Object.keys(STEPS) as Step[]).map((name) => (
            <button key={name} type="button" class="fg-button" role="tab" id={`fg-tab-${name}`} aria-selected={name === step} aria-controls="fg-tune-panel"
              tabIndex={name === step ? 0 : -1} onClick={() => turnTo(name)}>{STEPS[name]}</button>
          ))}
        </div>
      </header>
      <div class="fg-tune-body" role="tabpanel" id="fg-tune-panel" aria-labelledby={`fg-tab-${step}`}>
        {step === "detection" && <Detection {...{ desk, values, set, apply, isBusy }} effect={effect as DetectionEffect | null} />}
        {step === "grouping" && <Grouping {...{ desk, values, set, apply, isBusy }} effect={effect as GroupingEffect | null} />}
        {step === "recognition" && <Recognition {...{ desk, values, set, apply, isBusy, start }} effect={effect as RecognitionEffect | null} />}
      </div>
    </div>
  );
}

function given(values: Values): object {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null));
}

interface StepProps<E> {
  desk: Desk; values: Values; effect: E | null; isBusy: boolean;
  set: (change: Values) => void; apply: (text: string) => Promise<void>;
}

function Detection({ desk, values, effect, set, apply, isBusy }: StepProps<DetectionEffect>) {
  const [bins, setBins] = useState<Histogram | null>(null);
  useEffect(() => {
    void desk.guarded(() => desk.api.histogram({ place: "all" }, "confidence", 40)).then((found) => found && setBins(found));
  }, []);
  return (
    <>
      <form class="fg-tune-form" onSubmit={(event) => event.preventDefault()}>
        <Slider label="Confidence of the detection from" {...{ values, set }} name="minConfidence" min={0.1} max={0.99} step={0.01} />
        <Marked bins={bins?.bins ?? []} at={Number(values["minConfidence"])} />
        <Slider label="Width and height from, px" {...{ values, set }} name="minFaceSize" min={10} max={300} step={2} />
        <Slider label="Quality to be grouped from" {...{ values, set }} name="qualityThreshold" min={0} max={1} step={0.01} />
        <button type="button" class="fg-button fg-main-button" data-action="apply" disabled={isBusy || !effect?.undecided}
          onClick={() => void apply(`Dismissed as not a face: ${counted(effect!.undecided)}`)}>Dismiss {counted(effect?.undecided ?? 0)}</button>
        <p class="fg-hint">Dismisses what is below and nobody decided about; they are in Ignored, and one undo brings them back. New photos:
          {" "}<code>faceml faces backfill --min-confidence {values["minConfidence"]} --min-face-size {values["minFaceSize"]}</code></p>
      </form>
      <Outcome effect={effect}>
        {effect && <>
          <Facts rows={[["faces", effect.faces], ["kept", effect.kept], ["below the confidence", effect.unsure], ["too small", effect.small],
            ["good enough to be grouped", effect.good]]} />
          <Examples desk={desk} examples={effect.examples} kinds={{ dropped: "Just below: would go", kept: "Just above: would stay" }} />
        </>}
      </Outcome>
    </>
  );
}

function Grouping({ desk, values, effect, set, apply, isBusy }: StepProps<GroupingEffect>) {
  const isLinkage = values["method"] === "linkage";
  return (
    <>
      <form class="fg-tune-form" onSubmit={(event) => event.preventDefault()}>
        <label class="fg-stacked">Method
          <select class="fg-field" value={String(values["method"])} onChange={(event) => set({ method: event.currentTarget.value })}>
            <option value="hdbscan">hdbscan, by density</option><option value="linkage">linkage, by mean similarity</option></select></label>
        <Slider label="Faces that make a group" {...{ values, set }} name="minClusterSize" min={2} max={20} step={1} />
        {!isLinkage && <Slider label="Neighbours that make it dense" {...{ values, set }} name="minSamples" min={1} max={15} step={1} />}
        {isLinkage && <Optional label="Mean similarity" {...{ values, set }} name="minSimilarity" usual={0.35} />}
        <Optional label="Drop faces less like the rest than" {...{ values, set }} name="minCohesion" usual={0.35} />
        <Slider label="Quality from" {...{ values, set }} name="qualityThreshold" min={0} max={1} step={0.01} />
        <button type="button" class="fg-button fg-main-button" data-action="apply" disabled={isBusy || !effect}
          onClick={() => void apply("Grouped anew, recorded as a run")}>Group anew</button>
        <p class="fg-hint">Groups the faces that nobody named; groups that stay keep their place. Recorded as a run; the options of before bring the groups of before back.</p>
      </form>
      <Outcome effect={effect}>
        {effect && <>
          <p class="fg-hint">{sampled(effect.faces, effect.facesInAll)}, compared in {effect.modelVersion}{effect.note && `; ${effect.note}`}</p>
          <table class="fg-tune-table">
            <thead><tr><td /><th scope="col">now</th><th scope="col">then</th></tr></thead>
            <tbody>
              <Compared label="Groups" before={effect.before.clusters} after={effect.after.clusters} />
              <Compared label="Faces in one" before={effect.before.grouped} after={effect.after.grouped} />
              <Compared label="The largest" before={effect.before.largest} after={effect.after.largest} />
            </tbody>
          </table>
          <Facts rows={[["would join a group", effect.joined], ["would leave theirs", effect.left], ["would change it", effect.moved]]} />
          <Examples desk={desk} examples={effect.examples} kinds={{ joined: "Would join", left: "Would leave", moved: "Would change to" }} />
        </>}
      </Outcome>
    </>
  );
}

function Recognition({ desk, values, effect, set, apply, isBusy, start }: StepProps<RecognitionEffect> & { start: TuneStart | null }) {
  const isAgain = values["again"] === true;
  const strangers = effect?.falseMatches;
  return (
    <>
      <form class="fg-tune-form" onSubmit={(event) => event.preventDefault()}>
        <Slider label="Similarity to be recognised" {...{ values, set }} name="similarityThreshold" min={0.1} max={0.95} step={0.01} />
        <Marked bins={effect?.bins ?? []} at={effect?.threshold ?? 0} />
        <label class="fg-stacked">People are told apart by
          <select class="fg-field" value={String(values["matcher"])} onChange={(event) => set({ matcher: event.currentTarget.value })}>
            <option value="champion">what is in use{start && ` (${start.modelVersion})`}</option><option value="plain">similarity alone</option></select></label>
        <label class="fg-tick"><input type="checkbox" checked={isAgain} onChange={(event) => set({ again: event.currentTarget.checked })} />
          again all that the machine named or grouped</label>
        <button type="button" class="fg-button fg-main-button" data-action="apply" disabled={isBusy || !effect?.facesInAll}
          onClick={() => void apply(isAgain ? "Recognised again, the rest grouped anew; recorded as a run" : "Recognised, recorded as a run")}>
          {isAgain ? "Recognise again" : "Recognise"}</button>
        <p class="fg-hint">{isAgain ? "What nobody decided about is put under whom it matches, the rest is grouped anew; what a person said stays."
          : "Faces without a name and without a group are put under whom they match; they wait in Unconfirmed."} Recorded as a run.</p>
      </form>
      <Outcome effect={effect}>
        {effect && <>
          <p class="fg-hint">{sampled(effect.faces, effect.facesInAll)}, compared in {effect.modelVersion}{effect.notes.length > 0 && `; ${effect.notes.join("; ")}`}</p>
          <table class="fg-tune-table">
            <thead><tr><td /><th scope="col">now</th><th scope="col">then</th></tr></thead>
            <tbody><Compared label="Named by the machine" before={effect.before} after={effect.after} /></tbody>
          </table>
          <Facts rows={[["would get a name", effect.joined], ["would lose it", effect.left], ["would get another", effect.moved]]} />
          {strangers && <p>Of {counted(strangers.faces)} that people named, {percent(strangers.accepted)} find their own person; {percent(strangers.share)} (at most{" "}
            {percent(strangers.atMost)}) would be named wrongly if their person were unknown.</p>}
          <Examples desk={desk} examples={effect.examples} kinds={{ joined: "Would get a name", left: "Would lose it", moved: "Would get another" }} />
        </>}
      </Outcome>
    </>
  );
}

function sampled(faces: number, all: number): string {
  return faces < all ? `A sample of ${number(faces)} of ${counted(all)}` : counted(all);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
}

interface FieldProps { label: string; name: string; values: Values; set: (change: Values) => void }

function Slider({ label, name, values, set, min, max, step }: FieldProps & { min: number; max: number; step: number }) {
  const value = Number(values[name]);
  return (
    <label class="fg-slider"><span>{label}</span><output>{step < 1 ? similarity(value) : value}</output>
      <input type="range" {...{ min, max, step, value }} data-name={name} onInput={(event) => set({ [name]: Number(event.currentTarget.value) })} />
    </label>
  );
}

/** A bound that may be left to the service. */
function Optional({ label, name, values, set, usual }: FieldProps & { usual: number }) {
  const isSet = values[name] !== null;
  return (
    <div class="fg-optional">
      <label class="fg-tick"><input type="checkbox" checked={isSet} onChange={(event) => set({ [name]: event.currentTarget.checked ? usual : null })} />{label}</label>
      {isSet && <Slider label="" {...{ name, values, set }} min={0} max={0.9} step={0.01} />}
    </div>
  );
}

/** A histogram with the bound in it. */
function Marked({ bins, at }: { bins: Histogram["bins"]; at: number }) {
  if (!bins.length) return null;
  const [low, high] = [bins[0]!.low, bins.at(-1)!.high];
  const most = Math.max(1, ...bins.map((bin) => bin.faces));
  const x = (value: number) => (100 * (value - low)) / Math.max(high - low, 1e-6);
  return (
    <svg class="fg-marked" viewBox="0 0 100 40" preserveAspectRatio="none" aria-hidden="true">
      {bins.map((bin) => {
        const height = bin.faces ? Math.max(1.2, (38 * bin.faces) / most) : 0;
        return <rect key={bin.low} x={x(bin.low)} width={Math.max(0.4, x(bin.high) - x(bin.low) - 0.3)} y={40 - height} height={height}
          class={bin.high <= at ? "fg-bin-below" : "fg-bin"} />;
      })}
      {at > low && at < high && <line x1={x(at)} x2={x(at)} y1={0} y2={40} />}
    </svg>
  );
}

function Outcome({ effect, children }: { effect: unknown; children: ComponentChildren }) {
  return <section class="fg-outcome" aria-label="What it would do" aria-live="polite">{effect ? children : <p class="fg-hint">…</p>}</section>;
}

function Compared({ label, before, after }: { label: string; before: number; after: number }) {
  const change = after - before;
  return <tr><th scope="row">{label}</th><td>{number(before)}</td><td><b>{number(after)}</b>{change !== 0 && <small> {change > 0 ? "+" : "−"}{number(Math.abs(change))}</small>}</td></tr>;
}

function Facts({ rows }: { rows: [string, number][] }) {
  return <ul class="fg-facts">{rows.map(([label, count]) => <li key={label}><b>{number(count)}</b> {label}</li>)}</ul>;
}

function Examples({ desk, examples, kinds }: { desk: Desk; examples: Example[]; kinds: Record<string, string> }) {
  return (
    <>
      {Object.entries(kinds).map(([kind, title]) => {
        const shown = examples.filter((example) => example.change === kind);
        if (!shown.length) return null;
        return (
          <section key={kind} aria-label={title}>
            <h2>{title}</h2>
            <ul class="fg-examples">
              {shown.map((example) => (
                <li key={example.faceId}>
                  <Portrait desk={desk} faceId={example.faceId} />
                  {example.otherId && <><span aria-hidden="true">{kind === "left" ? "⇠" : "→"}</span><Portrait desk={desk} faceId={example.otherId} /></>}
                  {example.name && <small>{example.name} {similarity(example.value)}</small>}
                </li>
              ))}
            </ul>
          </section>
        );
      })}
    </>
  );
}
