// What is shown, in words; and how it is shown: size of tiles, filters, order.
import type { Desk } from "./desk.ts";
import { act, type Stage } from "./act.ts";
import { LABELS } from "./sidebar.tsx";
import { countOf, isEmpty } from "./selection.ts";
import { groupKey, openGroup, showsCards, type State } from "./store.ts";
import { narrowing } from "./query.ts";
import type { GroupOrder } from "./types.ts";
import { counted, day, number } from "./words.ts";

export function Head({ desk, stage }: { desk: Desk; stage: Stage }) {
  const { state } = desk;
  const { query } = state;
  const narrowed = narrowing(query) - (groupKey(query) && query.personId ? 1 : 0);
  const isPerson = (query.place === "people" || query.place === "hidden") && query.personId !== undefined;
  return (
    <header class="fg-head">
      {(isPerson || state.found) && <button type="button" class="fg-button fg-back" aria-label="Back" title="Esc" onClick={() => void desk.back().then(() => stage.focusGrid())}>←</button>}
      <div class="fg-title">
        <h1>{titleOf(state)}</h1>
        <p>{factsOf(state)}</p>
      </div>
      {isPerson && <PersonButtons desk={desk} personId={query.personId!} />}
      {showsCards(query) && <CardTools desk={desk} />}
      {!showsCards(query) && <div class="fg-tools">
        <label class="fg-button fg-file" title="Faces like the largest one on a picture of yours">Find by picture
          <input type="file" accept="image/*" onChange={(event) => void upload(desk, event.currentTarget)} /></label>
        <button type="button" class="fg-button" title="Alt+F" data-action="filters" aria-expanded={state.panel === "filters"}
          onClick={() => void act({ do: "filters" }, desk, stage)}>Filters{narrowed > 0 && ` (${narrowed})`}</button>
        <label class="fg-size">Size
          <input type="range" min={48} max={256} step={8} value={state.tile} aria-label="Size of the faces, in pixels" onInput={(event) => desk.setTile(Number(event.currentTarget.value))} />
        </label>
      </div>}
    </header>
  );
}

async function upload(desk: Desk, field: HTMLInputElement): Promise<void> {
  const file = field.files?.[0];
  if (!file) return;
  const form = new FormData();
  form.append("photo", file);
  field.value = "";
  await desk.searchLike(form);
}

function titleOf(state: State): string {
  const { query } = state;
  const group = openGroup(state);
  if (state.found) return "Faces like it";
  if (query.day && query.place === "all") return day(query.day);
  if (query.place === "to_name") return group ? (group.isMixed ? "One person?" : "Who is this?") : "To name";
  if (query.place === "unconfirmed" && group) return `Is this ${group.label}?`;
  return group?.label ?? LABELS[query.place];
}

function factsOf(state: State): string {
  const { query, pages, groups, groupsTotal, selection } = state;
  if (showsCards(query)) return groupsTotal === 1 ? "1 person" : `${number(groupsTotal)} people`;
  const group = openGroup(state);
  const at = groups.findIndex((found) => found.key === group?.key);
  const isQueue = query.place === "to_name" || query.place === "unconfirmed";
  const facts = [
    pages.isKnown ? counted(pages.total) : "",
    group && isQueue && groupsTotal > 1 ? `${number(at + 1)} of ${number(groupsTotal)}` : "",
    group?.cohesion != null && query.place === "to_name" ? `cohesion ${group.cohesion.toFixed(2)}` : "",
    isEmpty(selection) ? "" : `${number(countOf(selection, pages.total))} selected`,
  ];
  return facts.filter(Boolean).join(" · ");
}

function CardTools({ desk }: { desk: Desk }) {
  const { query, order } = desk.state;
  return (
    <div class="fg-tools">
      <input type="search" class="fg-field fg-search" aria-label="Search people" placeholder="Search" value={query.text ?? ""}
        onInput={(event) => void desk.visit({ ...query, text: event.currentTarget.value })} />
      <select class="fg-field" aria-label="Order" value={order}
        onChange={(event) => void desk.orderCards(event.currentTarget.value as GroupOrder)}>
        <option value="size">Most faces</option>
        <option value="name">Name</option>
        <option value="newest">Newest</option>
        <option value="attention">Needs attention</option>
      </select>
    </div>
  );
}

function PersonButtons({ desk, personId }: { desk: Desk; personId: string }) {
  const { panel, isBusy, query } = desk.state;
  const isHidden = query.place === "hidden";
  const name = openGroup(desk.state)?.label ?? "";
  const open = (which: "rename" | "merge" | "details") => desk.store.set({ panel: panel === which ? null : which });
  const hide = async () => {
    await desk.decisions.other(`${isHidden ? "Brought back" : "Hidden"}: ${name}`, () => desk.api.hide(personId, !isHidden));
    await desk.back();
  };
  return (
    <div class="fg-tools">
      <button type="button" class="fg-button" aria-expanded={panel === "details"} onClick={() => open("details")}>Details</button>
      {!isHidden && <button type="button" class="fg-button" aria-expanded={panel === "rename"} disabled={isBusy} onClick={() => open("rename")}>Rename</button>}
      {!isHidden && <button type="button" class="fg-button" aria-expanded={panel === "merge"} disabled={isBusy} onClick={() => open("merge")}>Merge</button>}
      <button type="button" class="fg-button" data-action="hide" disabled={isBusy} onClick={() => void hide()}>{isHidden ? "Bring back" : "Hide"}</button>
    </div>
  );
}
