// Typed-ahead names: which ones fit what was typed, and whose slip it may be.
import type { KnownName } from "./types.ts";

const SHOWN = 6;

/** As names are compared here: without case, accents and doubled spaces. The service compares by its own, stricter rule. */
export function folded(text: string): string {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replace(/\s+/g, " ").trim();
}

/** Names that begin so, then names with a word that does; those with most faces first. */
export function completions(names: readonly KnownName[], typed: string): KnownName[] {
  const wanted = folded(typed);
  if (!wanted) return [];
  const rank = (name: string): number => {
    if (name === wanted) return 0;
    if (name.startsWith(wanted)) return 1;
    return name.split(" ").some((word) => word.startsWith(wanted)) ? 2 : 3;
  };
  return names
    .map((name) => ({ name, rank: rank(folded(name.name)) }))
    .filter((found) => found.rank < 3)
    .sort((a, b) => a.rank - b.rank || b.name.faces - a.name.faces || a.name.name.localeCompare(b.name.name))
    .slice(0, SHOWN)
    .map((found) => found.name);
}

/** The one name that what was typed is a slip of: a letter too many, left out, wrong or swapped; two in long names. */
export function meant(names: readonly KnownName[], typed: string): KnownName | null {
  const wanted = folded(typed);
  if (wanted.length < 4) return null;
  const most = wanted.length < 8 ? 1 : 2;
  const near = names
    .map((name) => ({ name, slips: slips(wanted, folded(name.name), most) }))
    .filter((found) => found.slips > 0 && found.slips <= most)
    .sort((a, b) => a.slips - b.slips);
  const first = near[0];
  return first && (near[1] === undefined || near[1].slips > first.slips) ? first.name : null;
}

/** Damerau and Levenshtein's distance, swaps of neighbours counted once; `most + 1` where it is more than `most`. */
export function slips(a: string, b: string, most: number): number {
  if (Math.abs(a.length - b.length) > most) return most + 1;
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const line = [row];
    for (let column = 1; column <= b.length; column++) {
      const isSame = a[row - 1] === b[column - 1];
      let best = Math.min(line[column - 1]! + 1, above[column]! + 1, above[column - 1]! + (isSame ? 0 : 1));
      const isSwap = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (isSwap) best = Math.min(best, before[column - 2]! + 1);
      line.push(best);
    }
    before = above;
    above = line;
  }
  return Math.min(above[b.length]!, most + 1);
}
