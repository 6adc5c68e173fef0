import assert from "node:assert/strict";
import { test } from "node:test";
import { act, type Stage } from "../src/act.ts";
import { Api, lengthPrefixed } from "../src/api.ts";
import { Desk } from "../src/desk.ts";
import { enterMeans } from "../src/entry.ts";
import { Pages, PAGE } from "../src/pages.ts";
import { Pictures } from "../src/pictures.ts";
import * as select from "../src/selection.ts";
import { CommTransport, type Model } from "../src/transport.ts";
import type { Decision } from "../src/types.ts";
import { json, MemoryLibrary, pictures as packed } from "./memory.ts";

const STAGE: Stage = { focusGrid: () => undefined, focusEntry: () => undefined, moveTo: () => undefined };
const URLS = { createObjectURL: () => "blob:1", revokeObjectURL: () => undefined };

async function sitDown(library: MemoryLibrary, fragment = ""): Promise<Desk> {
  const api = new Api(library);
  const desk = new Desk(api, new Pictures(api, URLS), { read: () => fragment, write: () => undefined });
  await desk.start();
  return desk;
}

async function enter(desk: Desk, typed: string, asTyped = false): Promise<void> {
  desk.store.set({ typed, picked: -1 });
  await act({ do: asTyped ? "takeAsTyped" : "take" }, desk, STAGE);
}

const namesOf = (library: MemoryLibrary, prefix: string) => new Set(library.faces.filter((face) => face.faceId.startsWith(prefix)).map((face) => face.personName));

test("Enter names the whole group and the next one follows", async () => {
  const library = new MemoryLibrary([5, 3]);
  const desk = await sitDown(library);
  assert.equal(desk.state.query.clusterId, "clu_0");
  await enter(desk, "Ada");
  assert.deepEqual([...namesOf(library, "f0")], ["Ada"]);
  assert.equal(desk.state.query.clusterId, "clu_1");
  assert.equal(desk.state.notice.text, "5 faces: Ada");
  await enter(desk, "Bob");
  assert.equal(desk.state.pages.total, 0);
});

test("what is selected alone is named, and the group stays with the rest", async () => {
  const library = new MemoryLibrary([5, 3]);
  const desk = await sitDown(library);
  desk.choose(select.only(1, "f0-1"));
  await desk.extendTo(2);
  await enter(desk, "Ada");
  assert.deepEqual(library.faces.filter((face) => face.personName === "Ada").map((face) => face.faceId), ["f0-1", "f0-2"]);
  assert.equal(desk.state.query.clusterId, "clu_0");
  assert.equal(desk.state.pages.total, 3);
});

test("what is taken out of a whole group is said not to be that person", async () => {
  const library = new MemoryLibrary([5, 3]);
  const desk = await sitDown(library);
  await act({ do: "all" }, desk, STAGE);
  desk.choose(select.toggle(desk.state.selection, 1, "f0-1"));
  await enter(desk, "Ada");
  assert.deepEqual((library.calls.find((call) => call.path === "/grid/decide")!.body as Decision).leftOutIds, ["f0-1"]);
  assert.equal(desk.state.notice.text, "4 faces: Ada; 1 face not Ada");
});

test("undo and redo take a decision back and do it again, and show where it was made", async () => {
  const library = new MemoryLibrary([5, 3]);
  const desk = await sitDown(library);
  await enter(desk, "Ada");
  await desk.decisions.undo();
  assert.deepEqual([...namesOf(library, "f0")], [null]);
  assert.equal(desk.state.query.clusterId, "clu_0");
  await desk.decisions.redo();
  assert.deepEqual([...namesOf(library, "f0")], ["Ada"]);
  assert(!desk.decisions.canRedo);
});

test("Enter takes the completion that is shown; Shift+Enter what was typed; a slip is asked about", async () => {
  const library = new MemoryLibrary([5, 4, 3, 2]);
  library.person("Grace Hopper");
  const desk = await sitDown(library);
  await enter(desk, "gra");
  assert.deepEqual([...namesOf(library, "f0")], ["Grace Hopper"]);
  await enter(desk, "Grace Hoper");
  assert.match(desk.state.notice.text, /Did you mean Grace Hopper\?/);
  assert.deepEqual([...namesOf(library, "f1")], [null]);
  await act({ do: "take" }, desk, STAGE);
  assert.deepEqual([...namesOf(library, "f1")], ["Grace Hopper"]);
  await enter(desk, "gra", true);
  assert.deepEqual([...namesOf(library, "f2")], ["gra"]);
});

test("recognised faces from a threshold on are confirmed as one decision that one undo takes back", async () => {
  const library = new MemoryLibrary([]);
  library.recognise("Ada", [0.9, 0.8, 0.7, 0.4]);
  const desk = await sitDown(library, "#place=unconfirmed");
  assert.equal(enterMeans(desk.state).says, "Confirm 4");
  desk.setThreshold(0.6);
  while (desk.state.above === null) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(enterMeans(desk.state).says, "Confirm 3");
  await act({ do: "take" }, desk, STAGE);
  const states = () => library.faces.map((face) => face.state);
  assert.deepEqual(states(), ["confirmed", "confirmed", "confirmed", "recognised"]);
  assert.equal(library.events.length, 1);
  await desk.decisions.undo();
  assert.deepEqual(states(), Array(4).fill("recognised"));
  desk.setThreshold(0.6);
  await desk.decisions.reject(true);
  assert.deepEqual(states(), ["recognised", "recognised", "recognised", "open"]);
});

test("a decision on faces that somebody else has changed does nothing and says so", async () => {
  const library = new MemoryLibrary([5, 3]);
  const desk = await sitDown(library);
  library.elsewhere("f0-0", "Bob");
  await enter(desk, "Ada");
  assert.deepEqual(library.faces.filter((face) => face.personName === "Ada"), []);
  assert.match(desk.state.notice.text, /Nothing was done/);
  assert.equal(desk.state.pages.total, 4, "shown as it is now");
  assert.equal(desk.state.typed, "Ada", "what was typed stays");
});

test("outside of a group nothing is named that nobody selected", async () => {
  const library = new MemoryLibrary([5]);
  const desk = await sitDown(library, "#place=all");
  await enter(desk, "Ada");
  assert.match(desk.state.notice.text, /select the faces first/);
  assert.equal(library.events.length, 0);
  await act({ do: "all" }, desk, STAGE);
  await enter(desk, "Ada");
  assert.equal(library.events.length, 1);
});

test("many faces are described rather than listed", async () => {
  const library = new MemoryLibrary([3000]);
  const desk = await sitDown(library);
  await act({ do: "all" }, desk, STAGE);
  desk.choose(select.toggle(desk.state.selection, 0, "f0-0"));
  await enter(desk, "Ada");
  const sent = library.calls.find((call) => call.path === "/grid/decide")!.body as Record<string, unknown>;
  assert.deepEqual(sent["exceptIds"], ["f0-0"]);
  assert(!("faceIds" in sent));
  assert.equal(library.faces.filter((face) => face.personName === "Ada").length, 2999);
});

test("a refusal is told in the service's words and loses no text", async () => {
  const library = new MemoryLibrary([5]);
  const desk = await sitDown(library);
  library.answers = (call) => (call.path === "/grid/decide" ? json({ detail: "a name has at most 255 letters" }, 422) : null);
  await enter(desk, "Ada");
  assert.equal(desk.state.notice.text, "a name has at most 255 letters");
  assert.equal(desk.state.typed, "Ada");
  assert(!desk.state.isBusy);
});

test("an ignored face comes back", async () => {
  const library = new MemoryLibrary([3]);
  const desk = await sitDown(library);
  desk.choose(select.only(0, "f0-0"));
  await act({ do: "stranger" }, desk, STAGE);
  await desk.goTo("ignored");
  assert.equal(desk.state.pages.total, 1);
  await act({ do: "restore" }, desk, STAGE);
  assert.equal(library.faces[0]!.state, "open");
});

test("after a decision far down only what is around it is fetched again", async () => {
  const library = new MemoryLibrary([5000]);
  const desk = await sitDown(library);
  desk.choose(select.only(0, "f0-0"));
  await desk.extendTo(4000);
  library.calls.length = 0;
  await enter(desk, "Ada");
  const fetched = library.calls.filter((call) => call.path === "/grid").map((call) => Number(call.query!["offset"]));
  assert.equal(desk.state.pages.total, 999);
  assert(fetched.length <= 4, `pages from ${fetched.join()}`);
});

test("nothing is suggested beside a name that is typed, and again once it is gone", async (context) => {
  const library = new MemoryLibrary([5]);
  const desk = await sitDown(library);
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const asked = () => library.calls.filter((call) => call.path === "/grid/suggest").length;
  const before = asked();
  desk.choose(select.only(1, "f0-1"));
  desk.type("A");
  context.mock.timers.tick(1000);
  assert.equal(asked(), before);
  desk.type("");
  context.mock.timers.tick(1000);
  assert.equal(asked(), before + 1);
});

test("pages are fetched once, a range over them is whole, and old ones are let go", async () => {
  const library = new MemoryLibrary([20_000]);
  const pages = new Pages(new Api(library), { place: "to_name" });
  await Promise.all([pages.ensure(0, 10), pages.ensure(5, 20)]);
  assert.equal(library.calls.length, 1);
  assert.equal((await pages.idsBetween(4999, 190)).length, 4810);
  for (let at = 0; at < 100; at++) await pages.ensure(at * PAGE, at * PAGE + 1);
  assert([...pages.loaded()].length <= 60 * PAGE);
  assert.equal(pages.at(0), undefined);
});

test("pictures come many at a time, what is in sight first, and a missing one is known to be", async () => {
  const asked: string[][] = [];
  const api = { thumbnails: async (ids: string[]) => (asked.push(ids), lengthPrefixed(packed(ids))) };
  const pictures = new Pictures(api, URLS);
  pictures.want([...Array.from({ length: 200 }, (_, at) => `f${at}`), "gone"]);
  pictures.want(["gone", "g1"]);
  while (pictures.of("g1") === undefined) await new Promise((resolve) => setTimeout(resolve, 1));
  assert.equal(pictures.of("gone"), "");
  assert.equal(pictures.of("g1"), "blob:1");
  assert(asked.every((ids) => ids.length <= 60));
  assert(asked.flat().length <= 182, "those out of sight again were not fetched");
});

test("the notebook's messages answer whoever asked, and others are passed over", async () => {
  const sent: { id: number }[] = [];
  let receive: (content: unknown, buffers: DataView[]) => void = () => undefined;
  const model: Model = { send: (content) => sent.push(content as { id: number }), on: (_event, listener) => (receive = listener), off: () => undefined };
  const transport = new CommTransport(model);
  const first = transport.ask({ method: "GET", path: "/places" });
  const second = transport.ask({ method: "GET", path: "/grid" });
  while (sent.length < 2) await Promise.resolve();
  receive({ id: 99, status: 200, headers: {} }, []);
  receive({ id: sent[1]!.id, status: 200, headers: {} }, [new DataView(new TextEncoder().encode("two").buffer as ArrayBuffer)]);
  receive({ id: sent[0]!.id, status: 404, headers: {} }, []);
  assert.equal(new TextDecoder().decode((await second).body), "two");
  assert.equal((await first).status, 404);
});
