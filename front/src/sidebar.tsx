// Places with counts, and what is the same everywhere: undo, redo, keys.
import type { Desk } from "./desk.ts";
import { act, type Stage } from "./act.ts";
import { PLACES, type Place } from "./types.ts";
import { VIEWS } from "./views.ts";
import { number } from "./words.ts";

export const LABELS: Record<Place, string> = {
  to_name: "To name", unconfirmed: "Unconfirmed", unknown: "Unknown", people: "People", ignored: "Ignored", hidden: "Hidden",
  missing: "Missing photos", all: "All faces",
};

export function Sidebar({ desk, stage }: { desk: Desk; stage: Stage }) {
  const { places, query, isBusy, view } = desk.state;
  return (
    <div class="fg-side">
      <nav aria-label="Places">
        <ul class="fg-places">
          {PLACES.map((place, at) => {
            const found = places.find((count) => count.place === place);
            const isGrouped = place === "people" || place === "to_name";
            return (
              <li key={place}>
                <button type="button" class="fg-place" title={`Alt+${at + 1}`} data-place={place}
                  aria-current={!view && query.place === place ? "page" : undefined}
                  onClick={() => void act({ do: "place", number: at + 1 }, desk, stage)}>
                  <span>{LABELS[place]}</span>
                  {found && <small title={found.groups === null ? undefined : `${number(found.groups)} groups, ${number(found.faces)} faces`}>
                    {number(isGrouped && found.groups !== null ? found.groups : found.faces)}</small>}
                </button>
              </li>
            );
          })}
          {VIEWS.map(({ name, label, key }) => (
            <li key={name}>
              <button type="button" class="fg-place" data-view={name} aria-current={view === name ? "page" : undefined}
                title={key && `Alt+${key.slice(3)}`} onClick={() => void act({ do: "view", name }, desk, stage)}><span>{label}</span></button>
            </li>
          ))}
        </ul>
      </nav>
      <div class="fg-side-foot">
        <button type="button" class="fg-button" title="Ctrl+Z" disabled={isBusy} onClick={() => void act({ do: "undo" }, desk, stage)}>Undo</button>
        <button type="button" class="fg-button" title="Ctrl+Shift+Z" disabled={isBusy || !desk.decisions.canRedo}
          onClick={() => void act({ do: "redo" }, desk, stage)}>Redo</button>
        <button type="button" class="fg-button" title="Alt+H" aria-expanded={desk.state.panel === "history"}
          onClick={() => void act({ do: "history" }, desk, stage)}>History</button>
        <button type="button" class="fg-button" title="Alt+K" aria-expanded={desk.state.panel === "keys"}
          onClick={() => void act({ do: "keys" }, desk, stage)}>Keys</button>
      </div>
    </div>
  );
}
