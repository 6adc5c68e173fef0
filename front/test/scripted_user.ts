// Somebody who knows everybody works through a place of a served library, with the front end's own logic; counts what
// they do. `node scripted_user.mjs URL PLACE < truth.json` prints what it took. An action is a click, a drawn range, a
// dragged handle, a key that decides, or a name typed and entered; looking costs nothing.
import { act, type Stage } from "../src/act.ts";
import { Api } from "../src/api.ts";
import { Desk } from "../src/desk.ts";
import type { Command } from "../src/keyboard.ts";
import { Pictures } from "../src/pictures.ts";
import * as select from "../src/selection.ts";
import { groupKey } from "../src/store.ts";
import { FetchTransport } from "../src/transport.ts";
import type { Place, Tile } from "../src/types.ts";

const STAGE: Stage = { focusGrid: () => undefined, focusEntry: () => undefined, moveTo: () => undefined };
const URLS = { createObjectURL: () => "blob:1", revokeObjectURL: () => undefined };

type Truth = Record<string, string>;

class User {
  actions = 0;
  groups = 0;
  private readonly asked = new Set<string>();

  constructor(private readonly desk: Desk, private readonly truth: Truth) {}

  async nameAll(): Promise<void> {
    await this.desk.goTo("to_name");
    while (this.desk.state.pages.total) {
      this.note();
      const faces = await this.shown();
      const [name, theirs] = mostOf(faces, this.truth);
      if (2 * theirs.length <= faces.length && (await this.splits())) continue;
      await this.take(faces, theirs);
      await this.give(name);
    }
  }

  /** Faces that are in no group: whoever has some is typed once, and theirs are clicked. */
  async nameTheRest(): Promise<void> {
    await this.desk.goTo("unknown");
    while (this.desk.state.pages.total) {
      const faces = await this.shown();
      const [name, theirs] = mostOf(faces, this.truth);
      await this.take(faces, theirs);
      await this.give(name);
    }
  }

  async confirmAll(): Promise<void> {
    await this.desk.goTo("unconfirmed");
    while (this.desk.state.pages.total) {
      this.note();
      const faces = await this.shown(); // the most alike first
      const isRight = (face: Tile) => this.truth[face.faceId] === face.personName;
      const wrong = faces.filter((face) => !isRight(face));
      if (wrong.length) {
        this.desk.choose(ofThese(wrong));
        this.actions += clicksFor(faces, wrong);
        await this.press({ do: "reject" });
      } else await this.press({ do: "take" });
    }
  }

  private note(): void {
    const key = groupKey(this.desk.state.query) ?? "";
    if (!this.asked.has(key)) this.groups += 1;
    this.asked.add(key);
  }

  private async splits(): Promise<boolean> {
    await this.press({ do: "split" });
    if (!this.desk.state.split) return false;
    this.actions += 1; // Enter
    await this.desk.decisions.split();
    return true;
  }

  private async take(faces: Tile[], theirs: Tile[]): Promise<void> {
    if (theirs.length === faces.length && this.desk.state.query.place === "to_name") return;
    this.desk.choose(ofThese(theirs));
    this.actions += clicksFor(faces, theirs);
  }

  private async give(name: string): Promise<void> {
    const isKnown = this.desk.state.names.some((known) => known.name === name);
    this.desk.store.set({ typed: name, picked: -1, asked: "" });
    await this.press({ do: isKnown ? "take" : "takeAsTyped" });
  }

  private async press(command: Command): Promise<void> {
    this.actions += 1;
    await act(command, this.desk, STAGE);
    if (this.desk.state.notice.kind === "problem") throw new Error(this.desk.state.notice.text);
    await this.desk.refresh();
  }

  private async shown(): Promise<Tile[]> {
    const { pages } = this.desk.state;
    await pages.ensure(0, pages.total);
    return Array.from({ length: pages.total }, (_, at) => pages.at(at)!);
  }
}

function mostOf(faces: Tile[], truth: Truth): [string, Tile[]] {
  const byName = new Map<string, Tile[]>();
  for (const face of faces) byName.set(truth[face.faceId]!, [...(byName.get(truth[face.faceId]!) ?? []), face]);
  return [...byName].sort((a, b) => b[1].length - a[1].length)[0]!;
}

function ofThese(faces: Tile[]): select.Selection {
  return { ...select.NOTHING, ids: new Set(faces.map((face) => face.faceId)) };
}

/** Two clicks a run of neighbours, one a single face; or all, and as many for those taken out, where that is less. */
function clicksFor(faces: Tile[], wanted: Tile[]): number {
  return Math.min(clicks(faces, new Set(wanted)), 1 + clicks(faces, new Set(faces.filter((face) => !wanted.includes(face)))));
}

function clicks(faces: Tile[], wanted: Set<Tile>): number {
  let count = 0;
  faces.forEach((face, at) => {
    if (!wanted.has(face)) return;
    const [isFirst, isLast] = [!wanted.has(faces[at - 1]!), !wanted.has(faces[at + 1]!)];
    count += Number(isFirst) + Number(isLast && !isFirst);
  });
  return count;
}

async function main(url: string, place: Place, truth: Truth): Promise<void> {
  const api = new Api(new FetchTransport(`${url}/api/v1/faces`));
  const desk = new Desk(api, new Pictures(api, URLS), { read: () => "", write: () => undefined });
  await desk.start();
  const user = new User(desk, truth);
  if (place === "unconfirmed") await user.confirmAll();
  else await user.nameAll();
  if (place === "unknown") await user.nameTheRest();
  console.log(JSON.stringify({ actions: user.actions, groups: user.groups }));
}

declare const process: { argv: string[]; stdin: AsyncIterable<Uint8Array>; exit(code: number): never };

let text = "";
for await (const part of process.stdin) text += new TextDecoder().decode(part);
await main(process.argv[2]!, process.argv[3] as Place, JSON.parse(text) as Truth);
process.exit(0); // timers of the desk may still run
