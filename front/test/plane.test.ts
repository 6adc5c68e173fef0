// The map's arithmetic.
import assert from "node:assert/strict";
import { test } from "node:test";
import { inside, nearest, placed, spans, toPlane, toScreen, WHOLE, zoomed } from "../src/plane.ts";

test("a lasso holds what lies inside it, whichever way it was drawn", () => {
  const xs = [0.5, 0.1, 0.9, 0.5];
  const ys = [0.5, 0.1, 0.9, 0.05];
  const line = [{ x: 0.2, y: 0.2 }, { x: 0.8, y: 0.2 }, { x: 0.8, y: 0.8 }, { x: 0.2, y: 0.8 }];
  assert.deepEqual(inside(xs, ys, line), [0]);
  assert.deepEqual(inside(xs, ys, [...line].reverse()), [0]);
  assert.deepEqual(inside(xs, ys, line.slice(0, 2)), []);
});

test("a hollow lasso leaves its hollow out", () => {
  const line = [{ x: 0, y: 0 }, { x: 1, y: 0 }, { x: 1, y: 1 }, { x: 0.5, y: 0.2 }, { x: 0, y: 1 }];
  assert.deepEqual(inside([0.5, 0.1], [0.6, 0.5], line), [1]);
});

test("what is under the pointer stays there when the map comes nearer", () => {
  const at = { x: 310, y: 80 };
  const before = toPlane(at, 800, 500, WHOLE);
  const lens = zoomed(WHOLE, 3, at, 800, 500);
  const after = toPlane(at, 800, 500, lens);
  assert(Math.abs(before.x - after.x) + Math.abs(before.y - after.y) < 1e-9);
  const back = toScreen(after, 800, 500, lens);
  assert(Math.abs(back.x - at.x) + Math.abs(back.y - at.y) < 1e-9);
  assert.deepEqual(zoomed(lens, 0.01, at, 800, 500), WHOLE);
});

test("the nearest point is found where one is near enough", () => {
  assert.equal(nearest([0, 0.5], [0, 0.5], { x: 0.45, y: 0.5 }, { x: 0.1, y: 0.1 }), 1);
  assert.equal(nearest([0, 0.5], [0, 0.5], { x: 0.25, y: 0.25 }, { x: 0.1, y: 0.1 }), -1);
});

test("names hide no other name, and the largest groups come first", () => {
  const groups = Array.from({ length: 9 }, (_, at) => ({ text: `Person ${at}`, x: 200, y: 200 }));
  const labels = placed(groups, () => 60, 15);
  assert.deepEqual(labels.slice(0, 2).map((label) => label.text), ["Person 0", "Person 1"]);
  assert(labels.length < groups.length);
  for (const [at, one] of labels.entries())
    for (const other of labels.slice(at + 1))
      assert(one.x >= other.x + 60 || other.x >= one.x + 60 || one.y >= other.y + 15 || other.y >= one.y + 15);
});

test("a timeline is by day, month or year, with the empty ones between", () => {
  const days = [{ day: "2024-02-28", faces: 2 }, { day: "2024-03-01", faces: 3 }];
  assert.deepEqual(spans(days).map(({ key, faces }) => [key, faces]), [["2024-02-28", 2], ["2024-02-29", 0], ["2024-03-01", 3]]);
  const months = spans([...days, { day: "2025-01-31", faces: 1 }]);
  assert.equal(months.length, 12);
  assert.deepEqual(months[0], { key: "2024-02", faces: 2, since: "2024-02-01", until: "2024-02-29" });
  const years = spans([{ day: "1998-07-01", faces: 1 }, { day: "2024-12-31", faces: 5 }]);
  assert.equal(years.length, 27);
  assert.deepEqual(years.at(-1), { key: "2024", faces: 5, since: "2024-01-01", until: "2024-12-31" });
  assert.deepEqual(spans([]), []);
});
