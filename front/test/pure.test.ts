import assert from "node:assert/strict";
import { test } from "node:test";
import { boxOf, moved } from "../src/boxes.ts";
import { completions, meant, slips } from "../src/complete.ts";
import { commandOf, type Key } from "../src/keyboard.ts";
import { layOut, scrollTo, step, topOf, visibleRows, within } from "../src/layout.ts";
import { fromFragment, toFragment } from "../src/query.ts";
import * as select from "../src/selection.ts";
import { estimate } from "../src/threshold.tsx";
import type { FaceQuery } from "../src/types.ts";

const NAMES = ["Grace Hopper", "Eileen Collins", "Grace Kelly", "Bob", "Bobby"].map((name, at) => ({ personId: `p${at}`, name, faces: at }));
const key = (name: string, more: Partial<Key> = {}): Key => ({ key: name, code: "", shift: false, ctrl: false, alt: false, ...more });

test("only rows near the window are drawn, however many faces there are", () => {
  for (const total of [0, 1, 50_000, 500_000]) {
    const layout = layOut(total, 48, 1200);
    for (const top of [0, layout.height / 2, Math.max(0, layout.height - 800)]) {
      const { from, to } = visibleRows(layout, top, 800, 3);
      assert(to - from <= Math.ceil(800 / layout.pitch) + 7, `${to - from} rows`);
      assert(from >= 0 && to <= layout.rows);
    }
  }
});

test("a grid taller than a browser can scroll still shows its first and last row", () => {
  const layout = layOut(500_000, 256, 700);
  assert(layout.scale > 1);
  assert.equal(visibleRows(layout, 0, 900, 0).from, 0);
  const bottom = layout.height - 900;
  assert.equal(visibleRows(layout, bottom, 900, 0).to, layout.rows);
  const last = topOf(layout, layout.rows - 1, bottom, 900);
  assert(last >= bottom && last + layout.pitch <= layout.height + 1, `the last row is drawn inside the window: ${last}`);
  const scrolled = scrollTo(layout, 123_456, 0, 900);
  const { from, to } = visibleRows(layout, scrolled, 900, 0);
  assert(from <= 123_456 && 123_456 < to);
});

test("arrows stay inside the grid, and down from the last row but one reaches a short last row", () => {
  assert.equal(step("ArrowLeft", 0, 10, 4, 2), 0);
  assert.equal(step("ArrowDown", 7, 10, 4, 2), 9);
  assert.equal(step("ArrowDown", 9, 10, 4, 2), 9);
  assert.equal(step("ArrowUp", 2, 10, 4, 2), 2);
  assert.equal(step("End", 2, 10, 4, 2), 9);
});

test("a rectangle touches the tiles under it and none beside", () => {
  const layout = layOut(10, 94, 394); // four columns, 100 px from one to the next
  assert.deepEqual(within(layout, 10, { left: 50, right: 150, top: 50, bottom: 150 }), [0, 1, 4, 5]);
  assert.deepEqual(within(layout, 10, { left: 96, right: 98, top: 0, bottom: 20 }), [], "between two tiles");
  assert.deepEqual(within(layout, 10, { left: 0, right: 400, top: 210, bottom: 900 }), [8, 9]);
});

test("a range replaces the one before it and keeps what was chosen earlier", () => {
  let chosen = select.toggle(select.NOTHING, 9, "j");
  chosen = select.toggle(chosen, 2, "c");
  chosen = select.extend(chosen, 4, ["c", "d", "e"]);
  chosen = select.extend(chosen, 3, ["c", "d"]);
  assert.deepEqual([...chosen.ids].sort(), ["c", "d", "j"]);
  assert.equal(select.countOf(select.toggle(select.all(chosen), 0, "a"), 10), 9);
  assert(!select.isChosen(select.toggle(select.all(chosen), 0, "a"), "a"));
  assert(select.isEmpty(select.clear(chosen)));
});

test("moving the keyboard's place leaves the choice alone", () => {
  const chosen = select.move(select.only(3, "d"), 7);
  assert.deepEqual([...chosen.ids], ["d"]);
  assert.equal(chosen.anchor, 7);
});

test("names are completed from any word, and a slip is noticed", () => {
  assert.deepEqual(completions(NAMES, "gra").map((found) => found.name), ["Grace Kelly", "Grace Hopper"]);
  assert.deepEqual(completions(NAMES, "COLL").map((found) => found.name), ["Eileen Collins"]);
  assert.equal(completions(NAMES, "bob")[0]!.name, "Bob", "the name itself before longer ones");
  assert.equal(meant(NAMES, "Grace Hoper")?.name, "Grace Hopper");
  assert.equal(meant(NAMES, "Eilene Collins")?.name, "Eileen Collins");
  assert.equal(meant(NAMES, "Bib"), null, "three letters are nobody's slip");
  assert.equal(slips("ab", "ba", 2), 1);
});

test("letters type a name wherever the keyboard is; commands are Alt or write nothing", () => {
  assert.deepEqual(commandOf(key("x"), "grid", "", 0), { do: "type", letter: "x" });
  assert.equal(commandOf(key("x"), "entry", "", 0), null);
  assert.deepEqual(commandOf(key("i", { code: "KeyI", alt: true }), "entry", "Ada", 0), { do: "stranger" });
  assert.deepEqual(commandOf(key(" "), "grid", "", 0), { do: "photo" });
  assert.equal(commandOf(key(" "), "entry", "Ada", 0), null, "a space inside a name");
  assert.equal(commandOf(key("Delete"), "entry", "Ada", 0), null);
  assert.deepEqual(commandOf(key("Delete"), "entry", "", 0), { do: "reject" });
  assert.equal(commandOf(key("z", { ctrl: true }), "entry", "Ada", 0), null, "undo of the typing itself");
  assert.deepEqual(commandOf(key("Z", { ctrl: true, shift: true }), "grid", "", 0), { do: "redo" });
  assert.equal(commandOf(key("Enter"), "control", "", 0), null, "a button is pressed by Enter");
  assert.deepEqual(commandOf(key("3", { code: "Digit3", alt: true }), "control", "", 0), { do: "place", number: 3 });
});

test("a link brings a view back and holds no name", () => {
  const query: FaceQuery = { place: "unconfirmed", personId: "p1", since: "2020-01-01", minSimilarity: 0.5, text: "Ada", descending: false };
  const fragment = toFragment(query, 96);
  assert(!fragment.includes("Ada"));
  const { text: _name, ...rest } = query;
  assert.deepEqual(fromFragment(`#${fragment}`), { query: rest, tile: 96, view: null });
  assert.deepEqual(fromFragment("#place=<script>&tile=9"), { query: { place: "to_name" }, tile: null, view: null });
  assert.equal(fromFragment(`#${toFragment({ place: "all" }, 96, "review")}`).view, "review");
});

test("a drawn box stays inside the photo and never vanishes", () => {
  assert.deepEqual(boxOf({ x: 0.5, y: 0.5 }, { x: -1, y: 2 }), { x: 0, y: 0.5, width: 0.5, height: 0.5 });
  const dot = boxOf({ x: 1, y: 1 }, { x: 1, y: 1 });
  assert(dot.width > 0 && dot.x + dot.width <= 1);
  assert.deepEqual(moved({ x: 0.9, y: 0, width: 0.1, height: 0.1 }, "ArrowRight", false).x, 0.9);
});

test("the count beside the threshold is estimated from the bins until it is known", () => {
  const histogram = { faces: 30, bins: [{ low: 0, high: 0.5, faces: 10 }, { low: 0.5, high: 1, faces: 20 }] };
  assert.equal(estimate(histogram, 0), 30);
  assert.equal(estimate(histogram, 0.75), 10);
});
