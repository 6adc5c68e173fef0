// What a split would make of a group, before it is done.
import { useEffect, useRef } from "preact/hooks";
import type { Stage } from "./act.ts";
import type { Desk } from "./desk.ts";
import { Portrait } from "./portrait.tsx";
import { counted } from "./words.ts";

const SHOWN = 24; // faces of each part

export function SplitView({ desk, stage }: { desk: Desk; stage: Stage }) {
  const { parts, leftOut } = desk.state.split!;
  const dialog = useRef<HTMLDivElement>(null);
  useEffect(() => dialog.current?.querySelector<HTMLElement>("button")?.focus(), []);
  const close = () => (desk.store.set({ split: null }), stage.focusGrid());
  const split = () => void desk.decisions.split().then(() => stage.focusGrid());
  const keydown = (event: KeyboardEvent) => {
    if (event.key === "Escape") close();
    else if (event.key === "Enter" && !(event.target instanceof HTMLButtonElement)) split();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const shown = [...parts.map((ids, at) => ({ title: `Part ${at + 1}`, ids })), { title: "In no part", ids: leftOut }].filter((part) => part.ids.length);
  return (
    <div class="fg-photo-view fg-split" role="dialog" aria-modal="true" aria-label="Split" tabIndex={-1} ref={dialog} onKeyDown={keydown}>
      <div class="fg-photo-head">
        <div class="fg-title"><h2>Split into {parts.length} parts?</h2><p>Nothing is done yet. Each part is a group of its own then.</p></div>
        <div class="fg-tools">
          <button type="button" class="fg-button fg-main-button" data-action="do-split" disabled={desk.state.isBusy} onClick={split}>Split <kbd>⏎</kbd></button>
          <button type="button" class="fg-button" onClick={close}>Back <kbd>Esc</kbd></button>
        </div>
      </div>
      <div class="fg-cards-box fg-parts" tabIndex={0} role="group" aria-label="The parts">
        {shown.map(({ title, ids }) => (
          <section key={title} class="fg-half" aria-label={title}>
            <h3>{title} <small>{counted(ids.length)}{ids.length > SHOWN && `, ${SHOWN} shown`}</small></h3>
            <div class="fg-faces">{ids.slice(0, SHOWN).map((faceId) => <span key={faceId} class="fg-face"><Portrait desk={desk} faceId={faceId} /></span>)}</div>
          </section>
        ))}
      </div>
    </div>
  );
}
