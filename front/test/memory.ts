// A library in memory that answers as the service does: what the front end's own tests talk to.
import type { Answer, Call, Transport } from "../src/transport.ts";
import type { Decision, FaceQuery, Question, Side, Tile } from "../src/types.ts";

interface Answered {
  one: Side;
  other: Side;
  isYes: boolean;
  name?: string;
}

interface Event {
  id: number;
  before: Tile[];
  after: Tile[];
  isUndone: boolean;
}

export class MemoryLibrary implements Transport {
  readonly calls: Call[] = [];
  readonly events: Event[] = [];
  readonly people = new Map<string, string>(); // name → id
  faces: Tile[] = [];
  revision = 1;
  questions: (Question & { round: number })[] = [];
  bursts: Record<string, number> = {};
  parts: string[][] = []; // that a split of the first group makes
  answers: ((call: Call) => Answer | null) | null = null; // instead of the usual one

  /** Groups of faces without a name, by size. */
  constructor(sizes: number[]) {
    sizes.forEach((size, group) => {
      for (let at = 0; at < size; at++) this.faces.push(tile(`f${group}-${at}`, { clusterId: `clu_${group}` }));
    });
  }

  person(name: string): string {
    if (!this.people.has(name)) this.people.set(name, `p-${name}`);
    return this.people.get(name)!;
  }

  recognise(name: string, similarities: number[]): void {
    const personId = this.person(name);
    similarities.forEach((similarity, at) =>
      this.faces.push(tile(`r-${name}-${at}`, { personId, personName: name, similarity, state: "recognised" })));
  }

  async ask(call: Call): Promise<Answer> {
    this.calls.push(structuredClone(call));
    const own = this.answers?.(call);
    if (own) return own;
    return this.route(call);
  }

  /** Somebody else names a face, and this page is not told. */
  elsewhere(faceId: string, name: string): void {
    this.change([faceId], { personId: this.person(name), personName: name, state: "confirmed" });
  }

  private route(call: Call): Answer {
    const query = { ...call.query } as Record<string, string>;
    const body = call.body as Decision & { eventId?: number; faceIds?: string[] };
    switch (`${call.method} ${call.path}`) {
      case "GET /places": return json({ places: [], latestEvent: this.events.at(-1)?.id ?? 0 });
      case "GET /persons/names": return json({ names: [...this.people].map(([name, personId]) => ({ name, personId, faces: this.of(personId).length })) });
      case "GET /grid": return json(this.page(query));
      case "GET /grid/groups": return json(this.groups(query));
      case "GET /grid/histogram": return json({ faces: 4, bins: [{ low: 0, high: 0.5, faces: 1 }, { low: 0.5, high: 1, faces: 3 }] });
      case "GET /changes": return json(this.changes(Number(query["since"])));
      case "POST /grid/suggest": return json({ suggestions: [] });
      case "GET /history": return json({ events: [...this.events].reverse().map(({ id, isUndone }) => ({ eventId: id, at: "2025-12-23T10:00:00", actor: "ada", text: `event ${id}`, undoneBy: isUndone ? id + 1 : null })) });
      case "GET /review": return json({ rounds: query["topic"] === "intruders" ? 2 : 1, photos: {}, bursts: this.bursts, questions: this.questions.filter((question) => question.topic === query["topic"] && this.isOpen(question) && String(question.round) === query["round"]) });
      case "POST /review/answer": return this.answer(call.body as Answered);
      case "GET /clusters/clu_0/split": return json({ clusterId: "clu_0", parts: this.parts.filter((part) => part.length >= Number(query["minClusterSize"])), leftOut: [] });
      case "POST /clusters/clu_0/split": return this.split();
      case "POST /grid/thumbnails": return { status: 200, headers: {}, body: pictures(body.faceIds ?? []) };
      case "POST /grid/decide": return this.decide(body);
      case "POST /undo": return this.undo(body.eventId);
      default: return json({ detail: `nothing is at ${call.path}` }, 404);
    }
  }

  private isOpen({ one }: Question): boolean {
    return this.faces.some((face) => one.faceIds.includes(face.faceId) && face.state === "open");
  }

  private answer({ one, other, isYes, name }: Answered): Answer {
    if (!this.faces.some((face) => one.faceIds.includes(face.faceId) && face.state === "open")) return json({ detail: "changed meanwhile" }, 409);
    const personName = name ?? other.title;
    const to: Partial<Tile> = isYes ? { personName, personId: this.person(personName), state: "confirmed" } : { state: "dismissed" };
    const eventIds = [this.change(one.faceIds, to), ...(name ? [this.change(other.faceIds, to)] : [])];
    return json({ eventIds, text: isYes ? `yes, ${personName}` : `not ${personName}` });
  }

  private split(): Answer {
    this.parts.forEach((ids, at) => this.put(this.faces.filter((face) => ids.includes(face.faceId)).map((face) => ({ ...face, clusterId: `clu_0_${at}` }))));
    const eventId = this.change([], {});
    return { ...json({ status: "split", newClusters: this.parts.map((_, at) => `clu_0_${at}`) }), headers: { "x-event-id": String(eventId) } };
  }

  private of(personId: string): Tile[] {
    return this.faces.filter((face) => face.personId === personId);
  }

  private matching(query: Partial<Record<keyof FaceQuery, string | number | boolean>>): Tile[] {
    const isIn = (face: Tile): boolean => {
      if (query.place === "to_name" && (face.state !== "open" || !face.clusterId)) return false;
      if (query.place === "unconfirmed" && face.state !== "recognised") return false;
      if (query.place === "ignored" && face.state !== "dismissed") return false;
      if (query.clusterId && face.clusterId !== query.clusterId) return false;
      if (query.personId && face.personId !== query.personId) return false;
      if (query.minSimilarity !== undefined && (face.similarity ?? 0) < Number(query.minSimilarity)) return false;
      return query.maxSimilarity === undefined || (face.similarity ?? 0) <= Number(query.maxSimilarity);
    };
    return this.faces.filter(isIn).sort((a, b) => (b.similarity ?? 0) - (a.similarity ?? 0));
  }

  private page(query: Record<string, string>) {
    const found = this.matching(query);
    const offset = Number(query["offset"]);
    return { total: found.length, offset, revision: String(this.revision), faces: found.slice(offset, offset + Number(query["limit"])) };
  }

  private groups(query: Record<string, string>) {
    const keyOf = (face: Tile): string | null => (query["by"] === "cluster" ? face.clusterId : face.personId);
    const byKey = new Map<string, Tile[]>();
    for (const face of this.matching(query)) {
      const key = keyOf(face);
      if (key) byKey.set(key, [...(byKey.get(key) ?? []), face]);
    }
    const groups = [...byKey].sort((a, b) => b[1].length - a[1].length).map(([key, faces]) => ({
      key, label: faces[0]!.personName ?? key, faces: faces.length, cover: faces.slice(0, 4).map((face) => face.faceId), cohesion: 0.7,
      suggestion: null, isMixed: false,
    }));
    return { total: groups.length, groups };
  }

  private decide(decision: Decision): Answer {
    const ids = decision.faceIds ?? this.matching(decision.query ?? {}).map((face) => face.faceId).filter((id) => !decision.exceptIds?.includes(id));
    if (decision.revision !== undefined && decision.revision !== String(this.revision))
      return json({ detail: "changed meanwhile", changedFaceIds: ids.slice(0, 2) }, 409);
    const name = decision.name ?? [...this.people].find(([, id]) => id === decision.personId)?.[0] ?? null;
    const personId = name === null ? null : this.person(name);
    const to: Partial<Tile> = {
      name: { personId, personName: name, state: "confirmed" as const }, confirm: { state: "confirmed" as const },
      reject: { personId: null, personName: null, state: "open" as const }, dismiss: { state: "dismissed" as const },
      restore: { state: "open" as const }, unassign: { personId: null, personName: null },
    }[decision.action];
    const eventId = this.change(ids, to);
    return json({ eventId, facesChanged: ids.length, personId, personName: name, notes: [] });
  }

  private change(ids: string[], to: Partial<Tile>): number {
    const before = this.faces.filter((face) => ids.includes(face.faceId));
    const after = before.map((face) => ({ ...face, ...to }));
    this.put(after);
    this.events.push({ id: this.events.length + 1, before, after, isUndone: false });
    this.revision += 1;
    return this.events.length;
  }

  private undo(eventId?: number): Answer {
    const event = this.events.find((found) => found.id === eventId) ?? this.events.at(-1);
    if (!event) return json({ detail: "nothing is left to undo" }, 409);
    const now = this.faces.filter((face) => event.after.some((was) => was.faceId === face.faceId));
    this.put(event.before);
    this.revision += 1;
    this.events.push({ id: this.events.length + 1, before: now, after: event.before, isUndone: false });
    return json({ eventId: this.events.length, undoneEventId: event.id, kind: "label", isRedo: false, facesRestored: now.length });
  }

  private put(faces: Tile[]): void {
    const byId = new Map(faces.map((face) => [face.faceId, face]));
    this.faces = this.faces.map((face) => byId.get(face.faceId) ?? face);
  }

  private changes(since: number) {
    const latestEvent = this.events.at(-1)?.id ?? 0;
    return { latestEvent, revision: String(this.revision), faceIds: null, texts: latestEvent > since ? ["Ada named 1 face"] : [] };
  }
}

/** Is this face that person? */
export function question(topic: Question["topic"], faceId: string, name: string, more: Partial<Question & { round: number }> = {}): Question & { round: number } {
  const one: Side = { title: "This face", faceIds: [faceId], personId: null, clusterId: null };
  const other: Side = { title: name, faceIds: [], personId: `p-${name}`, clusterId: null };
  return { topic, key: `${topic} ${faceId}`, text: `Is this ${name}?`, evidence: "90% likely", company: "", needsName: false, one, other, round: 0, ...more };
}

export function tile(faceId: string, more: Partial<Tile> = {}): Tile {
  return {
    faceId, assetId: 1, personId: null, personName: null, clusterId: null, similarity: null, quality: 0.9, size: 80,
    takenAt: null, state: "open", ...more,
  };
}

export function json(found: unknown, status = 200): Answer {
  return { status, headers: {}, body: new TextEncoder().encode(JSON.stringify(found)).buffer as ArrayBuffer };
}

/** Each face's picture is its id; those called `gone` have none. */
export function pictures(ids: string[]): ArrayBuffer {
  const parts = ids.map((id) => new TextEncoder().encode(id.startsWith("gone") ? "" : id));
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + 4 + part.length, 0));
  const view = new DataView(whole.buffer);
  let at = 0;
  for (const part of parts) {
    view.setUint32(at, part.length, true);
    whole.set(part, at + 4);
    at += 4 + part.length;
  }
  return whole.buffer;
}
