// What opens below the head: filters, the keys, and a person's name or merge.
import { useState } from "preact/hooks";
import { Details, History, Why } from "./asides.tsx";
import { completions } from "./complete.ts";
import type { Desk } from "./desk.ts";
import type { Filters } from "./query.ts";
import { openGroup } from "./store.ts";
import type { Sort } from "./types.ts";

export function Panel({ desk }: { desk: Desk }) {
  const { panel, query } = desk.state;
  if (panel === "filters") return <FilterPanel desk={desk} />;
  if (panel === "keys") return <Keys />;
  if (panel === "history") return <History desk={desk} />;
  if (panel === "why") return <Why desk={desk} />;
  if (panel === "details") return query.personId ? <Details desk={desk} personId={query.personId} /> : null;
  if (panel !== null && query.personId) return <PersonForm key={panel} desk={desk} personId={query.personId} isMerge={panel === "merge"} />;
  return null;
}

const NUMBERS: { name: "minQuality" | "minSize" | "minSimilarity" | "maxSimilarity"; label: string; step: number; most: number }[] = [
  { name: "minQuality", label: "Quality from", step: 0.05, most: 1 },
  { name: "minSize", label: "Size from, px", step: 10, most: 10_000 },
  { name: "minSimilarity", label: "Similarity from", step: 0.01, most: 1 },
  { name: "maxSimilarity", label: "Similarity up to", step: 0.01, most: 1 },
];

function FilterPanel({ desk }: { desk: Desk }) {
  const { query, names } = desk.state;
  const { place, clusterId: _cluster, ...filters } = query;
  const isGrouped = place === "unconfirmed" || place === "people" || place === "hidden";
  const set = (change: Partial<Filters>) => void desk.filter({ ...filters, ...change } as Filters);
  const text = (value: string) => value || undefined;
  const known = names.find((name) => name.personId === query.personId)?.name ?? "";
  return (
    <form class="fg-panel fg-filters" aria-label="Filters" onSubmit={(event) => event.preventDefault()}>
      {!isGrouped && <label>Person
        <input class="fg-field" list="fg-people" value={known} onChange={(event) => {
          const found = completions(names, event.currentTarget.value)[0];
          set({ personId: found?.personId } as Partial<Filters>);
        }} />
        <datalist id="fg-people">{names.slice(0, 500).map((name) => <option key={name.personId} value={name.name} />)}</datalist>
      </label>}
      <label>From<input class="fg-field" type="date" value={query.since ?? ""} onChange={(event) => set({ since: text(event.currentTarget.value) } as Partial<Filters>)} /></label>
      <label>To<input class="fg-field" type="date" value={query.until ?? ""} onChange={(event) => set({ until: text(event.currentTarget.value) } as Partial<Filters>)} /></label>
      <label>Day<input class="fg-field" type="date" value={query.day ?? ""} onChange={(event) => set({ day: text(event.currentTarget.value) } as Partial<Filters>)} /></label>
      <label>Folder<input class="fg-field" value={query.folder ?? ""} onChange={(event) => set({ folder: text(event.currentTarget.value) } as Partial<Filters>)} /></label>
      {NUMBERS.map(({ name, label, step, most }) => (
        <label key={name}>{label}<input class="fg-field" type="number" min={0} max={most} step={step} value={query[name] ?? ""}
          onChange={(event) => set({ [name]: event.currentTarget.value === "" ? undefined : Number(event.currentTarget.value) } as Partial<Filters>)} /></label>
      ))}
      <label>Named by<select class="fg-field" value={query.assignedBy ?? ""} onChange={(event) => set({ assignedBy: text(event.currentTarget.value) } as Partial<Filters>)}>
        <option value="">anybody</option><option value="manual">a person</option><option value="prototype">the machine</option></select></label>
      <label>Order<select class="fg-field" value={query.sort ?? ""} onChange={(event) => set({ sort: (text(event.currentTarget.value) as Sort | undefined) } as Partial<Filters>)}>
        <option value="">as usual here</option><option value="fit">fit</option><option value="similarity">similarity</option><option value="quality">quality</option>
        <option value="newest">newest</option><option value="oldest">oldest</option><option value="size">size</option><option value="person">person</option></select></label>
      <button type="button" class="fg-button" onClick={() => void desk.filter(isGrouped && query.personId ? { personId: query.personId } : {})}>Clear</button>
    </form>
  );
}

const KEYS: [string, string][] = [
  ["letters", "type a name"], ["Enter", "name what is selected, or all of the group; without a text: what the button says"],
  ["Shift+Enter", "a new person, as typed"], ["Delete", "not this person"], ["Space", "the photo"], ["1 to 5", "take a suggestion"],
  ["arrows", "go along the faces; with Shift select"], ["Ctrl+Space", "select or not"], ["Ctrl+A", "all"],
  ["Esc", "clear the selection, then the text, then back"], ["Alt+↓ Alt+↑", "next or previous group"], ["Alt+1 to Alt+8", "places"],
  ["Alt+I Alt+N", "ignore a stranger; not a face"], ["Alt+B", "bring back"], ["Alt+S", "split a group"], ["Alt+L", "find faces alike"],
  ["Alt+U", "take away: they have no name then"], ["Alt+C Alt+E", "a person's portrait; the faces they are recognised by"],
  ["Alt+D", "all faces of that day"], ["Alt+W", "why a face has its name"], ["Alt+H", "all decisions, each to be undone"],
  ["Alt+R", "review: what faceml is unsure of"], ["Alt+F", "filters"], ["Ctrl+Z Ctrl+Shift+Z", "undo and redo, whatever it was"], ["Ctrl and wheel", "size of the faces"],
];

function Keys() {
  return (
    <section class="fg-panel" aria-label="Keys">
      <dl class="fg-keys">{KEYS.map(([keys, what]) => <div key={keys}><dt><kbd>{keys}</kbd></dt><dd>{what}</dd></div>)}</dl>
    </section>
  );
}

/** Says what Enter will do before it does it, and keeps the text where it could not be done. */
function PersonForm({ desk, personId, isMerge }: { desk: Desk; personId: string; isMerge: boolean }) {
  const [typed, setTyped] = useState("");
  const others = desk.state.names.filter((known) => known.personId !== personId);
  const found = completions(others, typed);
  const target = found[0];
  const now = openGroup(desk.state)?.label ?? desk.state.names.find((known) => known.personId === personId)?.name ?? "";
  const submit = async (event: Event) => {
    event.preventDefault();
    const { decisions, api } = desk;
    if (isMerge && !target) return desk.store.tell(typed ? `Nobody is called ${typed}` : "Type whom to merge into", "problem");
    const isDone = isMerge
      ? await decisions.other(`Merged ${now} into ${target!.name}`, () => api.merge(personId, target!.personId))
      : await decisions.other(`Renamed ${now}: ${typed.trim()}`, () => api.rename(personId, typed.trim()));
    if (!isDone) return;
    desk.store.set({ panel: null });
    if (isMerge) await desk.visit({ place: "people", personId: target!.personId });
  };
  return (
    <form class="fg-panel fg-person-form" aria-label={isMerge ? "Merge" : "Rename"} onSubmit={(event) => void submit(event)}>
      <label>{isMerge ? `Merge ${now} into` : `${now} is called`}
        <input class="fg-field" value={typed} autofocus ref={(input) => { if (input && !typed) input.focus(); }}
          onInput={(event) => setTyped(event.currentTarget.value)} autocomplete="off" />
      </label>
      <button type="submit" class="fg-button fg-main-button" disabled={!typed.trim() || (isMerge && !target)}>
        {isMerge ? (target ? `Merge into ${target.name}` : "Merge") : "Rename"} <kbd>⏎</kbd></button>
      {isMerge && found.slice(1).map((known) => <button key={known.personId} type="button" class="fg-chip" onClick={() => setTyped(known.name)}>{known.name}</button>)}
    </form>
  );
}
