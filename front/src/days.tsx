// Events: the days on which photos were taken, the latest first; one opens as all faces of that day.
import { useEffect, useState } from "preact/hooks";
import type { Stage } from "./act.ts";
import type { Desk } from "./desk.ts";
import { Portrait } from "./portrait.tsx";
import type { Groups } from "./types.ts";
import { counted, day, number } from "./words.ts";

const AT_ONCE = 200;

export function Days({ desk, stage }: { desk: Desk; stage: Stage }) {
  const [found, setFound] = useState<Groups | null>(null);
  const more = () => void desk.guarded(() => desk.api.groups({ place: "all" }, "day", "newest", found?.groups.length ?? 0, AT_ONCE))
    .then((next) => next && setFound({ total: next.total, groups: [...(found?.groups ?? []), ...next.groups] }))
    .then(() => !found && stage.focusGrid());
  useEffect(more, []);
  const groups = (found?.groups ?? []).filter((group) => group.day);
  return (
    <div class="fg-view" tabIndex={-1}>
      <header class="fg-head"><div class="fg-title"><h1>Events</h1><p>{found ? `${number(groups.length)} days` : ""}</p></div></header>
      <div class="fg-stage">
        <div class="fg-cards-box">
          {found && !groups.length && <p class="fg-nothing">No photo says when it was taken.</p>}
          <ul class="fg-cards" aria-label="Days">
            {groups.map((group) => (
              <li key={group.key}>
                <button type="button" class="fg-card" data-day={group.key} onClick={() => void desk.openDay(group.key).then(() => stage.focusGrid())}>
                  <Portrait desk={desk} faceId={group.cover[0]} />
                  <b>{day(group.key)}</b>
                  <small>{counted(group.faces)}</small>
                </button>
              </li>
            ))}
          </ul>
          {found && found.groups.length < found.total && <button type="button" class="fg-button" onClick={more}>Show more of {number(found.total)}</button>}
        </div>
      </div>
    </div>
  );
}
