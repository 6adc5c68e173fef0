// Which faces are chosen. A selection is a value: each action makes the next one.

export interface Selection {
  readonly ids: ReadonlySet<string>; // chosen; where `isAll`, the ones left out of all
  readonly isAll: boolean;
  readonly anchor: number; // where a range begins
  readonly at: number; // the tile that has the keyboard
  readonly base: ReadonlySet<string>; // chosen before the range that is being drawn
}

export type IdAt = (index: number) => string | undefined;

const NOBODY: ReadonlySet<string> = new Set();
export const NOTHING: Selection = { ids: NOBODY, isAll: false, anchor: 0, at: 0, base: NOBODY };

export function isChosen(selection: Selection, id: string): boolean {
  return selection.ids.has(id) !== selection.isAll;
}

export function countOf(selection: Selection, total: number): number {
  return selection.isAll ? total - selection.ids.size : selection.ids.size;
}

export function isEmpty(selection: Selection): boolean {
  return !selection.isAll && selection.ids.size === 0;
}

export function clear(selection: Selection): Selection {
  return { ...NOTHING, anchor: selection.at, at: selection.at };
}

/** Go to a tile and leave the choice as it is. */
export function move(selection: Selection, to: number): Selection {
  return { ...selection, at: to, anchor: to, base: selection.ids };
}

/** This tile alone. */
export function only(at: number, id: string): Selection {
  return { ids: new Set([id]), isAll: false, anchor: at, at, base: NOBODY };
}

/** This tile in or out, the others as they are. */
export function toggle(selection: Selection, at: number, id: string): Selection {
  const ids = new Set(selection.ids);
  if (!ids.delete(id)) ids.add(id);
  return { ids, isAll: selection.isAll, anchor: at, at, base: ids };
}

/** From where the range began up to a tile. `ids` are those of that range, in any order. */
export function extend(selection: Selection, to: number, ids: Iterable<string>): Selection {
  const kept = selection.isAll ? NOBODY : selection.base;
  return { ids: new Set([...kept, ...ids]), isAll: false, anchor: selection.anchor, at: to, base: kept };
}

export function all(selection: Selection): Selection {
  return { ...selection, ids: NOBODY, isAll: true, base: NOBODY };
}

/** What a rectangle touches, added to what was chosen before where `isAdding`. */
export function band(selection: Selection, ids: Iterable<string>, isAdding: boolean): Selection {
  const kept = isAdding && !selection.isAll ? selection.base : NOBODY;
  return { ...selection, ids: new Set([...kept, ...ids]), isAll: false, base: kept };
}

/** Without the faces that are no longer there. */
export function without(selection: Selection, gone: Iterable<string>): Selection {
  const ids = new Set(selection.ids);
  for (const id of gone) ids.delete(id);
  return { ...selection, ids, base: NOBODY };
}
