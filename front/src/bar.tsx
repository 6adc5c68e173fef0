// The entry: what is typed, which names fit, what Enter does, and the other things that can be said of faces.
import type { RefObject } from "preact";
import { useState } from "preact/hooks";
import { act, isOffered, type Stage } from "./act.ts";
import type { Desk } from "./desk.ts";
import { enterMeans, pickedName, shownNames } from "./entry.ts";
import type { Command } from "./keyboard.ts";
import { similarity } from "./words.ts";

const BUTTONS: { command: Command["do"]; label: string; keys: string; isRare?: boolean }[] = [
  { command: "reject", label: "Not this person", keys: "Del" },
  { command: "stranger", label: "Ignore", keys: "Alt+I" },
  { command: "notAFace", label: "Not a face", keys: "Alt+N" },
  { command: "restore", label: "Bring back", keys: "Alt+B" },
  { command: "split", label: "Split", keys: "Alt+S" },
  { command: "photo", label: "Photo", keys: "Space" },
  { command: "similar", label: "Find alike", keys: "Alt+L" },
  { command: "unassign", label: "Take away", keys: "Alt+U", isRare: true },
  { command: "cover", label: "Portrait", keys: "Alt+C", isRare: true },
  { command: "exemplars", label: "Recognise by", keys: "Alt+E", isRare: true },
  { command: "sameDay", label: "Same day", keys: "Alt+D", isRare: true },
  { command: "why", label: "Why", keys: "Alt+W", isRare: true },
];

export function Bar({ desk, stage, entry }: { desk: Desk; stage: Stage; entry: RefObject<HTMLInputElement | null> }) {
  const { state } = desk;
  const meaning = enterMeans(state);
  const canTake = !state.isBusy && !state.isLoading && meaning.do !== "nothing" && meaning.do !== "open";
  const [hasMore, setMore] = useState(false);
  const isOpen = state.typed !== "" && shownNames(state).length > 0;
  return (
    <div class="fg-bar">
      <div class="fg-answer">
        <input ref={entry} class="fg-entry" type="text" value={state.typed} placeholder="Type a name" aria-label="Name" spellcheck={false}
          autocomplete="off" maxLength={255} role="combobox" aria-expanded={isOpen} aria-controls="fg-names" aria-autocomplete="list"
          {...(isOpen && pickedName(state) ? { "aria-activedescendant": "fg-picked" } : {})}
          onInput={(event) => desk.type(event.currentTarget.value)} />
        <Names desk={desk} stage={stage} />
      </div>
      <div class="fg-actions">
        <button type="button" class="fg-button fg-main-button" data-action="take" disabled={!canTake} onClick={() => void act({ do: "take" }, desk, stage)}>
          {canTake ? meaning.says : "Name"} <kbd>⏎</kbd></button>
        {BUTTONS.filter((button) => isOffered(button.command, desk) && (hasMore || !button.isRare)).map((button) => (
          <button key={button.command} type="button" class="fg-button" data-action={button.command} disabled={state.isBusy} title={button.keys}
            onClick={() => void act({ do: button.command } as Command, desk, stage)}>{button.command === "reject" && state.query.place === "to_name" ? `Not ${state.suggestions[0]?.personName}` : button.label} <kbd>{button.keys}</kbd></button>
        ))}
        <button type="button" class="fg-button" aria-expanded={hasMore} onClick={() => setMore(!hasMore)}>{hasMore ? "Less" : "More"}</button>
      </div>
    </div>
  );
}

function Names({ desk, stage }: { desk: Desk; stage: Stage }) {
  const { state } = desk;
  const shown = shownNames(state);
  const picked = pickedName(state);
  const meaning = enterMeans(state);
  const take = (who: { personId: string; name: string }) => void desk.decisions.name(who).then((isDone) => isDone && stage.focusGrid());
  const isTyped = state.typed.trim() !== "";
  return (
    <div class="fg-names-box">
      <ul id="fg-names" class="fg-names" role="listbox" aria-label="Names" hidden={!isTyped || !shown.length}>
        {isTyped && shown.map((known) => {
          const isPicked = known === picked;
          return (
            <li key={known.personId} role="option" id={isPicked ? "fg-picked" : undefined} aria-selected={isPicked} class={`fg-chip${isPicked ? " fg-likely" : ""}`}
              onClick={() => take(known)}>{isPicked && <kbd>⏎</kbd>}{known.name} <small>{known.faces}</small></li>
          );
        })}
      </ul>
      {isTyped && meaning.do === "ask" && <button type="button" class="fg-chip fg-likely" onClick={() => take(meaning.meant)}>Did you mean {meaning.meant.name}?</button>}
      {isTyped && !state.names.some((known) => known.name === state.typed.trim()) && (
        <button type="button" class="fg-chip fg-new" title="A new person, called as typed" onClick={() => void act({ do: "takeAsTyped" }, desk, stage)}>
          <kbd>{picked || meaning.do === "ask" ? "⇧⏎" : "⏎"}</kbd>new person</button>
      )}
      {!isTyped && state.suggestions.map((likeness, at) => {
        const isTaken = meaning.do === "name" && at === 0;
        return (
          <button key={likeness.personId} type="button" class={`fg-chip${isTaken ? " fg-likely" : ""}`} data-person={likeness.personId}
            onClick={() => take({ personId: likeness.personId, name: likeness.personName })}>
            <kbd>{isTaken ? "⏎" : at + 1}</kbd>{likeness.personName} <small>{similarity(likeness.similarity)}</small></button>
        );
      })}
    </div>
  );
}
