import assert from "node:assert/strict";
import { test } from "node:test";
import { act, type Stage } from "../src/act.ts";
import { Api } from "../src/api.ts";
import { reasons } from "../src/asides.tsx";
import { Desk } from "../src/desk.ts";
import { Pictures } from "../src/pictures.ts";
import * as select from "../src/selection.ts";
import { MemoryLibrary, question } from "./memory.ts";

const STAGE: Stage = { focusGrid: () => undefined, focusEntry: () => undefined, moveTo: () => undefined };
const URLS = { createObjectURL: () => "blob:1", revokeObjectURL: () => undefined };

async function sitDown(library: MemoryLibrary): Promise<Desk> {
  const api = new Api(library);
  const desk = new Desk(api, new Pictures(api, URLS), { read: () => "", write: () => undefined });
  await desk.start();
  return desk;
}

const nameOf = (library: MemoryLibrary, faceId: string) => library.faces.find((face) => face.faceId === faceId)!.personName;

test("questions are asked topic by topic, and further rounds of a topic are looked through", async () => {
  const library = new MemoryLibrary([4, 3]);
  library.questions = [question("close_calls", "f1-0", "Bob"), question("intruders", "f0-1", "Ada", { round: 1 })];
  const desk = await sitDown(library);
  await desk.questions.start();
  assert.equal(desk.questions.now?.key, "intruders f0-1");
  await desk.questions.answer(true);
  assert.equal(nameOf(library, "f0-1"), "Ada");
  assert.equal(desk.questions.now?.key, "close_calls f1-0");
  await desk.questions.answer(false);
  assert.equal(desk.questions.now, undefined);
  assert.equal(desk.state.asking.answered, 2);
  await desk.questions.turnTo("recognised");
  assert.equal(desk.state.asking.topic, "recognised");
  assert.equal(desk.questions.now, undefined);
});

test("a face that stands for a burst keeps its number from question to question", async () => {
  const library = new MemoryLibrary([4, 3]);
  library.questions = [question("intruders", "f0-1", "Ada"), question("close_calls", "f1-0", "Bob")];
  library.bursts = { "f0-2": 4 };
  const desk = await sitDown(library);
  await desk.questions.start();
  library.bursts = { "f1-1": 2 };
  await desk.questions.answer(true);
  assert.deepEqual(desk.state.asking.bursts, { "f0-2": 4, "f1-1": 2 });
});

test("an answer is taken back by undo wherever somebody is, and its question asked again", async () => {
  const library = new MemoryLibrary([4, 3]);
  library.questions = [question("probable", "f0-0", "Ada"), question("probable", "f0-1", "Ada")];
  const desk = await sitDown(library);
  desk.openView("review");
  await desk.questions.start();
  await desk.questions.answer(true);
  await desk.goTo("to_name");
  assert.equal(desk.state.view, null);
  await desk.decisions.undo();
  assert.equal(nameOf(library, "f0-0"), null);
  assert.equal(desk.state.view, "review");
  assert.equal(desk.questions.now?.key, "probable f0-0");
  await desk.decisions.redo();
  assert.equal(nameOf(library, "f0-0"), "Ada");
});

test("two groups without a name are asked for one, and one undo takes both back", async () => {
  const library = new MemoryLibrary([4, 3]);
  const other = { title: "3 faces", faceIds: ["f1-0"], personId: null, clusterId: "clu_1" };
  library.questions = [question("same_person", "f0-0", "", { needsName: true, other })];
  const desk = await sitDown(library);
  await desk.questions.start();
  await desk.questions.answer(true);
  assert.equal(desk.state.asking.isNaming, true);
  assert.equal(library.events.length, 0);
  await desk.questions.answer(true, "Eve");
  assert.deepEqual([nameOf(library, "f0-0"), nameOf(library, "f1-0")], ["Eve", "Eve"]);
  await desk.decisions.undo();
  assert.deepEqual([nameOf(library, "f0-0"), nameOf(library, "f1-0")], [null, null]);
});

test("what is put off comes last, and what somebody else decided makes room for the next", async () => {
  const library = new MemoryLibrary([4, 3]);
  library.questions = [question("probable", "f0-0", "Ada"), question("probable", "f0-1", "Ada"), question("probable", "f0-2", "Ada")];
  const desk = await sitDown(library);
  await desk.questions.start();
  await desk.questions.putAside();
  library.elsewhere("f0-1", "Zoe");
  await desk.questions.answer(true);
  assert.equal(desk.state.notice.text, "changed meanwhile");
  assert.equal(desk.questions.now?.key, "probable f0-2");
  await desk.questions.answer(true);
  assert.equal(desk.questions.now, undefined);
  await desk.questions.start();
  assert.equal(desk.questions.now?.key, "probable f0-0");
});

test("a split is shown before it is done, and its first part is asked about next", async () => {
  const library = new MemoryLibrary([4, 3]);
  library.parts = [["f0-0", "f0-1"], ["f0-2", "f0-3"]];
  const desk = await sitDown(library);
  await act({ do: "split" }, desk, STAGE);
  assert.deepEqual(desk.state.split?.parts, library.parts);
  assert.equal(library.events.length, 0);
  await act({ do: "escape" }, desk, STAGE);
  assert.equal(desk.state.split, null);
  await act({ do: "split" }, desk, STAGE);
  await desk.decisions.split();
  assert.equal(desk.state.query.clusterId, "clu_0_0");
  assert.equal(desk.state.notice.text, "Split into 2 parts");
});

test("a group that does not fall apart says so", async () => {
  const desk = await sitDown(new MemoryLibrary([4]));
  await act({ do: "split" }, desk, STAGE);
  assert.equal(desk.state.split, null);
  assert.match(desk.state.notice.text, /does not fall apart/);
});

test("a portrait is one face, exemplars are one person's", async () => {
  const library = new MemoryLibrary([2]);
  library.recognise("Ada", [0.9, 0.8]);
  library.recognise("Bob", [0.7]);
  const desk = await sitDown(library);
  await desk.visit({ place: "all" });
  desk.choose(select.all(desk.state.selection));
  assert.equal(await desk.decisions.cover(), false);
  assert.equal(await desk.decisions.exemplars(), false);
  desk.choose(select.only(0, "r-Ada-0"));
  await desk.decisions.cover();
  assert.equal(library.calls.some((call) => call.path === "/persons/p-Ada/cover" && (call.body as { faceId: string }).faceId === "r-Ada-0"), true);
});

test("why a face has its name is one line", () => {
  const said = reasons({
    personName: "Ada", assignedBy: "prototype", similarity: 0.634, threshold: 0.5, runnerUpName: "Bob", runnerUpSimilarity: 0.31, ruledOut: ["Cleo"],
    nearest: [{ personName: "Ada", similarity: 0.6 }, { personName: "Ada", similarity: 0.7 }, { personName: "Bob", similarity: 0.3 }], scores: [], note: null,
  });
  assert.deepEqual(said, [
    "Ada, by the machine", "similarity 0.63 from a threshold of 0.50", "then Bob, 0.31", "now like Ada 0.70, Bob 0.30", "not Cleo, as a person said",
  ]);
});
