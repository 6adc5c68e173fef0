// The routes that the front end asks, one function each.
import { readJson, refusal, type Call, type Transport } from "./transport.ts";
import { toParams } from "./query.ts";
import type {
  Box, Changes, Decided, Decision, Explanation, FaceMap, FaceQuery, GridPage, GroupOrder, Groups, Histogram, HistoryLine, KnownName,
  Likeness, PersonFacts, Photo, Places, Quantity, Question, Questions, SplitPreview, Tile, Timeline, Topic, TuneStart, Undone,
} from "./types.ts";

export class Api {
  constructor(private readonly transport: Transport) {}

  places(): Promise<Places> {
    return this.get("/places");
  }

  grid(query: FaceQuery, offset: number, limit: number): Promise<GridPage> {
    return this.get("/grid", { ...toParams(query), offset: String(offset), limit: String(limit) });
  }

  groups(query: FaceQuery, by: "cluster" | "person" | "day", order: GroupOrder, offset: number, limit: number): Promise<Groups> {
    return this.get("/grid/groups", { ...toParams(query), by, order, offset: String(offset), limit: String(limit) });
  }

  histogram(query: FaceQuery, of: Quantity, bins: number): Promise<Histogram> {
    return this.get("/grid/histogram", { ...toParams(query), of, bins: String(bins) });
  }

  /** Pictures in the order asked for; an empty one is not to be had. */
  async thumbnails(faceIds: string[], size: number): Promise<Uint8Array[]> {
    return lengthPrefixed(await this.bytes({ method: "POST", path: "/grid/thumbnails", body: { faceIds, size } }));
  }

  decide(decision: Decision): Promise<Decided> {
    return this.post("/grid/decide", decision);
  }

  suggest(of: { faceIds: string[] } | { query: FaceQuery }): Promise<{ suggestions: Likeness[] }> {
    return this.post("/grid/suggest", of);
  }

  /** All faces, unnamed ones too, most like a face first. */
  like(faceId: string, limit: number): Promise<{ faces: Tile[]; notes?: string[] }> {
    return this.post("/grid/like", { faceId, limit });
  }

  /** The same for the largest face of a photo that is uploaded as `photo`. */
  search(form: FormData): Promise<{ faces: Tile[]; notes?: string[] }> {
    return this.post("/grid/search", form);
  }

  names(): Promise<{ names: KnownName[] }> {
    return this.get("/persons/names");
  }

  changes(since: number): Promise<Changes> {
    return this.get("/changes", { since: String(since) });
  }

  /** Take a decision back, or an undo; without an id the latest decision that stands. */
  undo(eventId?: number): Promise<Undone> {
    return this.post("/undo", eventId === undefined ? {} : { eventId });
  }

  /** The parts that a split would make. */
  async splitPreview(clusterId: string, minClusterSize: number): Promise<SplitPreview> {
    const found = await this.get<SplitPreview>(`/clusters/${encodeURIComponent(clusterId)}/split`, { minClusterSize: String(minClusterSize) });
    return { ...found, minClusterSize };
  }

  split(clusterId: string, minClusterSize: number): Promise<{ eventId?: number; status: string; newClusters: string[] }> {
    return this.post(`/clusters/${encodeURIComponent(clusterId)}/split`, { minClusterSize });
  }

  questions(topic: Topic, round: number, limit: number): Promise<Questions> {
    return this.get("/review", { topic, round: String(round), limit: String(Math.min(limit, 200)) });
  }

  answer(topic: Topic, { one, other }: Question, isYes: boolean, name: string): Promise<{ eventIds: number[]; text: string }> {
    return this.post("/review/answer", { topic, one, other, isYes, ...(name && { name }) });
  }

  history(limit: number): Promise<{ events: HistoryLine[] }> {
    return this.get("/history", { limit: String(limit) });
  }

  /** Why a face has its name, and whom it is like now. */
  explanation(faceId: string): Promise<Explanation> {
    return this.get(`/faces/${faceId}/explanation`);
  }

  person(personId: string): Promise<PersonFacts> {
    return this.get(`/persons/${personId}`, { pageSize: "1" });
  }

  /** The faces that somebody is recognised by; without any the best are chosen anew. */
  exemplars(personId: string, faceIds: string[]): Promise<{ eventId: number }> {
    return this.post(`/persons/${personId}/exemplars`, faceIds.length ? { faceIds } : {});
  }

  cover(personId: string, faceId: string): Promise<{ eventId: number }> {
    return this.post(`/persons/${personId}/cover`, { faceId });
  }

  rename(personId: string, name: string): Promise<{ eventId: number }> {
    return this.post(`/persons/${personId}/rename`, { name });
  }

  merge(personId: string, intoPersonId: string): Promise<{ facesMoved: number }> {
    return this.post(`/persons/${personId}/merge`, { intoPersonId });
  }

  hide(personId: string, isHidden: boolean): Promise<{ eventId: number }> {
    return this.post(`/persons/${personId}/${isHidden ? "hide" : "unhide"}`, {});
  }

  photo(assetId: number): Promise<Photo> {
    return this.get(`/assets/${assetId}/view`);
  }

  /** A photo, or the picture of a video at a moment. */
  picture(assetId: number, size: number, atS = 0): Promise<Uint8Array> {
    const call: Call = { method: "GET", path: `/assets/${assetId}/picture`, query: { size: String(size), ...(atS && { atS: String(atS) }) } };
    return this.bytes(call).then((found) => new Uint8Array(found));
  }

  /** Where a video plays from; null in a notebook, which has no address. */
  video(assetId: number): string | null {
    return this.transport.address?.(`/assets/${assetId}/video`) ?? null;
  }

  draw(assetId: number, box: Box, name: string): Promise<{ faceId: string; eventId: number | null }> {
    const body = name ? { box, name } : { box };
    return this.post(`/assets/${assetId}/faces`, body);
  }

  /** The face has another id then: the answer's. */
  correct(faceId: string, box: Box): Promise<{ faceId: string; eventId: number | null }> {
    return this.post(`/faces/${faceId}/box`, { box });
  }

  async remove(faceId: string): Promise<{ eventId: number | null }> {
    return readJson(await this.transport.ask({ method: "DELETE", path: `/faces/${faceId}` }));
  }

  /** The faces of a query as points on a plane. */
  map(query: FaceQuery): Promise<FaceMap> {
    return this.get("/grid/map", toParams(query));
  }

  tiles(faceIds: string[]): Promise<{ faces: Tile[] }> {
    return this.post("/grid/tiles", { faceIds });
  }

  timeline(query: FaceQuery): Promise<Timeline> {
    return this.get("/grid/timeline", toParams(query));
  }

  tuneStart(): Promise<TuneStart> {
    return this.get("/tune");
  }

  /** What these options would do; or what they did. */
  tune<T>(step: "detection" | "grouping" | "recognition", options: object, isApplied = false): Promise<T> {
    return this.post(`/tune/${step}${isApplied ? "/apply" : ""}`, options);
  }

  private async get<T>(path: string, query: Record<string, string> = {}): Promise<T> {
    return readJson(await this.transport.ask({ method: "GET", path, query }));
  }

  private async post<T>(path: string, body: unknown): Promise<T> {
    const answer = await this.transport.ask({ method: "POST", path, body });
    const found = readJson<T>(answer);
    const event = answer.headers["x-event-id"];
    const isRecord = found !== null && typeof found === "object" && !("eventId" in found);
    return event && isRecord ? { ...found, eventId: Number(event) } : found;
  }

  private async bytes(call: Call): Promise<ArrayBuffer> {
    const answer = await this.transport.ask(call);
    if (answer.status < 400) return answer.body;
    try {
      throw refusal(answer.status, JSON.parse(new TextDecoder().decode(answer.body)));
    } catch (error) {
      throw error instanceof SyntaxError ? refusal(answer.status, null) : error;
    }
  }
}

/** Parts, each behind its length as four bytes, little-endian. */
export function lengthPrefixed(body: ArrayBuffer): Uint8Array[] {
  const view = new DataView(body);
  const parts: Uint8Array[] = [];
  for (let at = 0; at + 4 <= body.byteLength; ) {
    const length = view.getUint32(at, true);
    parts.push(new Uint8Array(body, at + 4, length));
    at += 4 + length;
  }
  return parts;
}
