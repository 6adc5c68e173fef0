// The groups of a place in a row, the open one marked: arrows go along, a click opens.
import { useEffect, useRef } from "preact/hooks";
import type { Desk } from "./desk.ts";
import { groupedBy, groupKey, showsCards } from "./store.ts";
import { Portrait } from "./portrait.tsx";
import { counted, number } from "./words.ts";

const AROUND = 40; // groups drawn on both sides of the open one

export function Strip({ desk }: { desk: Desk }) {
  const { query, groups, groupsTotal } = desk.state;
  const open = useRef<HTMLButtonElement>(null);
  const by = groupedBy(query.place);
  const key = groupKey(query);
  useEffect(() => open.current?.scrollIntoView({ block: "nearest", inline: "center" }), [key, groups]);
  if (by === null || showsCards(query) || query.place === "people" || query.place === "hidden" || !groups.length) return null;
  const at = Math.max(0, groups.findIndex((group) => group.key === key));
  const from = Math.max(0, at - AROUND);
  const turn = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key] as 1 | -1 | undefined;
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    void desk.stepGroup(step).then(() => open.current?.focus());
  };
  return (
    <div class="fg-strip" role="group" aria-label={`${by === "cluster" ? "Groups" : "People"}, ${number(groupsTotal)}`} onKeyDown={turn}>
      {groups.slice(from, at + AROUND).map((group) => {
        const isOpen = group.key === key;
        const label = by === "person" ? `${group.label}, ${counted(group.toConfirm || group.faces)}` : `group of ${counted(group.faces)}${group.isMixed ? ", mixed" : ""}`;
        return (
          <button key={group.key} type="button" ref={isOpen ? open : null} class="fg-group" tabIndex={isOpen ? 0 : -1}
            aria-pressed={isOpen} aria-label={by === "person" ? undefined : label} title={label} onClick={() => void desk.openGroup(group.key)}>
            <Portrait desk={desk} faceId={group.cover[0]} />
            <small>{by === "person" && <><span class="fg-group-name">{group.label}</span> </>}{number(group.toConfirm || group.faces)}{group.isMixed && <span aria-hidden="true"> ≠</span>}</small>
          </button>
        );
      })}
    </div>
  );
}
