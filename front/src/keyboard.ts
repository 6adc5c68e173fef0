// Which key means what. Letters always type a name: commands are Alt, Ctrl, or keys that write nothing.
import { VIEWS } from "./views.ts";

export type Where = "grid" | "entry" | "cards" | "photo" | "control";

export interface Key {
  key: string;
  code: string;
  shift: boolean;
  ctrl: boolean; // or the Mac's command key
  alt: boolean;
}

export type Command =
  | { do: "take" | "takeAsTyped" | "reject" | "photo" | "escape" | "all" | "undo" | "redo" | "toggle" | "keys" }
  | { do: "move"; key: string; isExtending: boolean }
  | { do: "type"; letter: string }
  | { do: "place"; number: number }
  | { do: "view"; name: string }
  | { do: "suggestion"; number: number }
  | { do: "group"; by: 1 | -1 }
  | { do: "complete"; by: 1 | -1 }
  | { do: "stranger" | "notAFace" | "restore" | "split" | "filters" | "similar" | "unassign" | "cover" | "exemplars" | "why" | "history" | "sameDay" };

const ARROWS = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"];
const MOVES = [...ARROWS, "Home", "End", "PageUp", "PageDown"];
const ALT: Record<string, Command["do"]> = {
  KeyI: "stranger", KeyN: "notAFace", KeyB: "restore", KeyS: "split", KeyF: "filters", KeyL: "similar", KeyK: "keys",
  KeyU: "unassign", KeyC: "cover", KeyE: "exemplars", KeyW: "why", KeyH: "history", KeyD: "sameDay",
};

/** What a key asks for; null where it is the browser's own business. `typed` is the text in the entry. */
export function commandOf(key: Key, where: Where, typed: string, completions: number): Command | null {
  if (key.alt && !key.ctrl) return altered(key);
  if (key.ctrl) return controlled(key, where, typed);
  if (key.key === "Escape") return { do: "escape" };
  if (where === "control" || where === "photo") return null;
  if (key.key === "Enter") return { do: key.shift ? "takeAsTyped" : "take" };
  if (where === "entry" && typed) return completing(key, completions);
  if (key.key === "Delete") return { do: "reject" };
  if (key.key === " ") return key.shift ? { do: "toggle" } : { do: "photo" };
  if (MOVES.includes(key.key)) return { do: "move", key: key.key, isExtending: key.shift };
  if (/^[1-5]$/.test(key.key)) return { do: "suggestion", number: Number(key.key) };
  if (where !== "entry" && [...key.key].length === 1) return { do: "type", letter: key.key };
  return null;
}

function altered(key: Key): Command | null {
  const digit = /^Digit([1-8])$/.exec(key.code)?.[1];
  if (digit) return { do: "place", number: Number(digit) };
  if (key.key === "ArrowDown" || key.key === "ArrowUp") return { do: "group", by: key.key === "ArrowDown" ? 1 : -1 };
  const view = VIEWS.find((found) => found.key === key.code);
  if (view) return { do: "view", name: view.name };
  const command = ALT[key.code];
  return command ? ({ do: command } as Command) : null;
}

function controlled(key: Key, where: Where, typed: string): Command | null {
  const isWriting = where === "entry" && typed !== ""; // the text's own undo and Select All
  if (isWriting || key.alt) return null;
  const letter = key.key.toLowerCase();
  if (letter === "z") return { do: key.shift ? "redo" : "undo" };
  if (letter === "y") return { do: "redo" };
  if (where === "control" || where === "photo") return null;
  if (letter === "a") return { do: "all" };
  if (key.key === " ") return { do: "toggle" };
  return ARROWS.includes(key.key) ? { do: "move", key: key.key, isExtending: key.shift } : null;
}

function completing(key: Key, completions: number): Command | null {
  const isStep = key.key === "ArrowDown" || key.key === "ArrowUp";
  return isStep && completions ? { do: "complete", by: key.key === "ArrowDown" ? 1 : -1 } : null;
}
