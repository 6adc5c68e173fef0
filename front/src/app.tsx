// The page put together, and the keys brought to whom they are meant for.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { act, type Stage } from "./act.ts";
import { Bar } from "./bar.tsx";
import { Cards } from "./cards.tsx";
import type { Desk } from "./desk.ts";
import { shownNames } from "./entry.ts";
import { GridView } from "./grid.ts";
import { Head } from "./head.tsx";
import { commandOf, type Where } from "./keyboard.ts";
import { Panel } from "./panels.tsx";
import { PhotoView } from "./photo.tsx";
import { LABELS, Sidebar } from "./sidebar.tsx";
import { SplitView } from "./split.tsx";
import { showsCards } from "./store.ts";
import { Strip } from "./strip.tsx";
import { Threshold } from "./threshold.tsx";
import { PLACES } from "./types.ts";
import { viewOf } from "./views.ts";
import { counted } from "./words.ts";

export function App({ desk, takesFocus }: { desk: Desk; takesFocus: boolean }) {
  const [, redraw] = useState(0);
  const root = useRef<HTMLDivElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const entry = useRef<HTMLInputElement>(null);
  const grid = useRef<GridView | null>(null);
  const { state } = desk;
  const view = viewOf(state.view);
  const isCards = showsCards(state.query);
  const stage: Stage = useMemo(() => ({
    focusGrid: () => setTimeout(() => {
      if (desk.state.photo || desk.state.split) return;
      if (viewOf(desk.state.view)) return root.current?.querySelector<HTMLElement>(".fg-view")?.focus({ preventScroll: true });
      if (showsCards(desk.state.query)) root.current?.querySelector<HTMLElement>(".fg-card[tabindex='0']")?.focus({ preventScroll: true });
      else grid.current?.focus();
    }),
    focusEntry: (letter = "") => {
      if (letter) desk.type(desk.state.typed + letter);
      const field = entry.current ?? root.current?.querySelector<HTMLInputElement>(".fg-search");
      field?.focus({ preventScroll: true });
      queueMicrotask(() => field?.setSelectionRange(field.value.length, field.value.length));
    },
    moveTo: (key, isExtending) => void grid.current?.move(key, isExtending),
  }), []);
  useLayoutEffect(() => {
    redraw((count) => count + 1); // what came before anybody listened
    return desk.store.subscribe(() => redraw((count) => count + 1));
  }, []);
  useEffect(() => {
    if (isCards || view || !box.current) return;
    grid.current = new GridView(box.current, desk);
    return () => {
      grid.current?.close();
      grid.current = null;
    };
  }, [isCards, view]);
  useEffect(() => {
    if (takesFocus && !state.isLoading) stage.focusGrid();
  }, [state.isLoading && state.pages.query.place]);
  const photoOpen = state.photo !== null;
  useEffect(() => {
    if (!photoOpen) return;
    return () => stage.focusGrid();
  }, [photoOpen]);

  const keydown = (event: KeyboardEvent) => {
    if (event.isComposing || event.defaultPrevented) return;
    const where = view ? "control" : whereOf(event.target as HTMLElement); // a view has keys of its own
    const key = { key: event.key, code: event.code, shift: event.shiftKey, ctrl: event.ctrlKey || event.metaKey, alt: event.altKey };
    const command = commandOf(key, where, state.typed, shownNames(state).length);
    if (!command || (where === "cards" && passesBy(command.do))) return;
    event.preventDefault();
    event.stopPropagation();
    void act(command, desk, stage);
  };
  useEffect(() => {
    if (!takesFocus) return;
    const fromNowhere = (event: KeyboardEvent) => event.target === document.body && keydown(event);
    document.addEventListener("keydown", fromNowhere);
    return () => document.removeEventListener("keydown", fromNowhere);
  });
  return (
    <div class="fg-root" ref={root} onKeyDown={keydown} data-lm-suppress-shortcuts="true" data-busy={state.isBusy || state.isLoading || state.asking.isLoading ? "" : undefined}>
      <div class="fg-columns" inert={state.photo !== null || state.split !== null}>
        <Sidebar desk={desk} stage={stage} />
        <main class="fg-main" aria-label={view?.label ?? "Faces"}>
          {view ? <><Panel desk={desk} /><view.Component desk={desk} stage={stage} /></> : <>
            <Head desk={desk} stage={stage} />
            <Panel desk={desk} />
            <Strip desk={desk} />
            <Threshold desk={desk} stage={stage} />
            <div class="fg-stage">
              {isCards ? <Cards desk={desk} /> : <div class="fg-grid" ref={box} key="grid" role="grid" aria-label="Faces" aria-multiselectable tabIndex={-1} hidden={!state.pages.total} />}
              {!isCards && !state.pages.total && !state.isLoading && <Nothing desk={desk} stage={stage} />}
            </div>
            {!isCards && <Bar desk={desk} stage={stage} entry={entry} />}
          </>}
        </main>
      </div>
      {state.photo && <PhotoView desk={desk} />}
      {state.split && <SplitView desk={desk} stage={stage} />}
      <p class={`fg-notice fg-${state.notice.kind}`} role="status"><span key={state.notice.number}>{state.notice.text}</span></p>
    </div>
  );
}

function whereOf(target: HTMLElement): Where {
  if (target.closest(".fg-photo-view")) return "photo";
  if (target.closest(".fg-bar .fg-entry")) return "entry";
  if (target.closest(".fg-card")) return "cards";
  return target.closest(".fg-grid") || target.matches(".fg-root, body") ? "grid" : "control";
}

/** What cards answer to by themselves, or have no use for. */
function passesBy(command: string): boolean {
  return ["take", "takeAsTyped", "move", "photo", "toggle", "all", "reject", "suggestion"].includes(command);
}

/** An empty place says so, and where faces wait. */
function Nothing({ desk, stage }: { desk: Desk; stage: Stage }) {
  const { places, query } = desk.state;
  const texts: Record<string, string> = {
    to_name: "Every group has a name.", unconfirmed: "No face waits to be confirmed.", unknown: "Every face has a name or a group.",
    ignored: "No face is ignored.", hidden: "Nobody is hidden.", missing: "No photo is missing.", people: "No face is left here.", all: "No face fits.",
  };
  const waiting = (["unconfirmed", "unknown"] as const).filter((place) => place !== query.place && places.some((found) => found.place === place && found.faces));
  return (
    <div class="fg-nothing"><div>
      <p>{texts[query.place] ?? "Nothing is here."}</p>
      {(query.place === "to_name" || query.place === "unconfirmed") && waiting.map((place) => (
        <p key={place}><button type="button" class="fg-button" data-waiting={place} onClick={() => void act({ do: "place", number: PLACES.indexOf(place) + 1 }, desk, stage)}>
          {LABELS[place]}: {counted(places.find((found) => found.place === place)!.faces)} <kbd>Alt+{PLACES.indexOf(place) + 1}</kbd></button></p>
      ))}
    </div></div>
  );
}
