// People as portraits: search, order, open.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Desk } from "./desk.ts";
import { Portrait } from "./portrait.tsx";
import { withGroup } from "./store.ts";
import { counted, number } from "./words.ts";

export function Cards({ desk }: { desk: Desk }) {
  const { groups, groupsTotal, query } = desk.state;
  const list = useRef<HTMLUListElement>(null);
  const [at, setAt] = useState(0);
  useEffect(() => list.current?.querySelector<HTMLElement>('[tabindex="0"]')?.focus({ preventScroll: true }), [query.place]);
  const turn = (event: KeyboardEvent) => {
    const cards = [...(list.current?.querySelectorAll<HTMLElement>(".fg-card") ?? [])];
    const columns = cards.filter((card) => card.offsetTop === cards[0]?.offsetTop).length || 1;
    const moves: Record<string, number> = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns };
    const to = event.key === "Home" ? 0 : event.key === "End" ? cards.length - 1 : at + (moves[event.key] ?? NaN);
    const card = cards[to];
    if (!card || event.altKey || event.ctrlKey) return;
    event.preventDefault();
    event.stopPropagation();
    setAt(to);
    card.focus();
  };
  if (!groups.length) return <p class="fg-nothing">{query.text ? "Nobody is called so." : query.place === "hidden" ? "Nobody is hidden." : "Nobody has a name yet."}</p>;
  return (
    <div class="fg-cards-box">
      <ul class="fg-cards" ref={list} onKeyDown={turn} aria-label="People">
        {groups.map((group, place) => (
          <li key={group.key}>
            <button type="button" class="fg-card" data-person={group.key} tabIndex={place === Math.min(at, groups.length - 1) ? 0 : -1}
              onFocus={() => setAt(place)} onClick={() => void desk.open(withGroup(query, group.key))}>
              <Portrait desk={desk} faceId={group.cover[0]} />
              <b>{group.label}</b>
              <small>{counted(group.faces)}</small>
              {group.toConfirm ? <small>{number(group.toConfirm)} to confirm</small> : null}
            </button>
          </li>
        ))}
      </ul>
      {groups.length < groupsTotal && <button type="button" class="fg-button" onClick={() => void desk.moreGroups()}>
        Show more of {number(groupsTotal)}</button>}
    </div>
  );
}
