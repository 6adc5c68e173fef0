// A query of faces as an address has it; what a link may hold are ids and bounds, never a name.
import { PLACES, type FaceQuery, type Place, type Sort } from "./types.ts";

export type Filters = Omit<FaceQuery, "place" | "clusterId">;

const TEXTS = ["clusterId", "personId", "since", "until", "day", "folder", "assignedBy", "sort"] as const;
const NUMBERS = ["minQuality", "maxQuality", "minSize", "minSimilarity", "maxSimilarity"] as const;
const NARROWING = [...NUMBERS, "personId", "since", "until", "day", "folder", "assignedBy"] as const;

/** The query as parameters of an address. */
export function toParams(query: FaceQuery): Record<string, string> {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
  return Object.fromEntries(given.map(([name, value]) => [name, String(value)]));
}

/** The part of an address behind `#` that brings the same view back. */
export function toFragment(query: FaceQuery, tile: number, view: string | null = null): string {
  const { text: _name, ...rest } = query;
  return new URLSearchParams({ ...(view && { view }), ...toParams(rest), tile: String(tile) }).toString();
}

/** What a fragment asks for; whatever it holds that is no query is passed over. */
export function fromFragment(fragment: string): { query: FaceQuery; tile: number | null; view: string | null } {
  const given = new URLSearchParams(fragment.replace(/^#/, ""));
  const place = given.get("place") as Place;
  const query: Record<string, unknown> = { place: PLACES.includes(place) ? place : "to_name" };
  for (const name of TEXTS) if (given.get(name)) query[name] = given.get(name);
  for (const name of NUMBERS) {
    const value = Number(given.get(name));
    if (given.get(name) && Number.isFinite(value)) query[name] = value;
  }
  if (given.get("descending")) query["descending"] = given.get("descending") === "true";
  const tile = Number(given.get("tile"));
  return { query: query as unknown as FaceQuery, tile: tile >= 48 && tile <= 256 ? tile : null, view: given.get("view") };
}

/** How many filters narrow the view: the person whose faces an own view shows is none. */
export function narrowing(filters: Filters): number {
  return NARROWING.filter((name) => filters[name] !== undefined && filters[name] !== "").length;
}

/** How a place is ordered unless its person chose otherwise. */
export function usualSort(query: FaceQuery): { sort: Sort } {
  if (query.clusterId) return { sort: "fit" };
  if (query.place === "unconfirmed") return { sort: "similarity" };
  return { sort: query.place === "unknown" ? "quality" : "newest" };
}
