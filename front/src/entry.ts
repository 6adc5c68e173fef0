// What Enter does now, in words and in deed: the one place where both are decided, so that they agree.
import { completions, folded, meant } from "./complete.ts";
import { countOf, isEmpty } from "./selection.ts";
import { openGroup, showsCards, type State } from "./store.ts";
import type { KnownName } from "./types.ts";
import { number } from "./words.ts";

export type Enter =
  | { do: "name"; who: { personId: string; name: string } | { name: string }; says: string }
  | { do: "confirm"; says: string }
  | { do: "open"; says: string }
  | { do: "ask"; says: string; meant: KnownName }
  | { do: "nothing"; says: string };

/** The completions shown, as many as there are. */
export function shownNames(state: State): KnownName[] {
  return completions(state.names, state.typed);
}

/** The completion that Enter takes; undefined: what was typed. */
export function pickedName(state: State): KnownName | undefined {
  const shown = shownNames(state);
  const same = shown.find((known) => folded(known.name) === folded(state.typed));
  if (same && state.picked < 0) return same;
  return shown[Math.max(0, state.picked)];
}

export function enterMeans(state: State, asTyped = false): Enter {
  const { query, selection, pages } = state;
  const typed = state.typed.replace(/\s+/g, " ").trim();
  if (showsCards(query)) return { do: "open", says: "Open" };
  const many = isEmpty(selection) ? pages.total : countOf(selection, pages.total);
  const whom = many === 1 ? "1 face" : `${isEmpty(selection) ? "all " : ""}${number(many)}`;
  if (typed) return named(state, typed, whom, asTyped);
  if (query.place === "unconfirmed" && query.personId && !state.found) {
    const count = isEmpty(selection) ? (state.threshold === null ? pages.total : state.above ?? pages.total) : many;
    return { do: "confirm", says: `Confirm ${number(count)}` };
  }
  const best = state.suggestions[0];
  const group = openGroup(state);
  if (best?.isLikely && !(group?.isMixed && isEmpty(selection)))
    return { do: "name", who: { personId: best.personId, name: best.personName }, says: `Name ${whom} ${best.personName}` };
  if (group?.isMixed && isEmpty(selection)) return { do: "nothing", says: "These faces are little alike: select some, split the group, or type a name" };
  return { do: "nothing", says: "Type a name" };
}

function named(state: State, typed: string, whom: string, asTyped: boolean): Enter {
  const picked = asTyped ? undefined : pickedName(state);
  if (picked) return { do: "name", who: { personId: picked.personId, name: picked.name }, says: `Name ${whom} ${picked.name}` };
  const slip = asTyped ? null : meant(state.names, typed);
  if (slip && state.asked === typed) return { do: "name", who: { personId: slip.personId, name: slip.name }, says: `Name ${whom} ${slip.name}` };
  if (slip) return { do: "ask", meant: slip, says: `Did you mean ${slip.name}?` };
  return { do: "name", who: { name: typed }, says: `Name ${whom} ${typed}, a new person` };
}
