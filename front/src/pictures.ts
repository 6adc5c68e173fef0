// Thumbnails: what is in sight is fetched first, many at a time, and the least recently seen are let go.
import type { Api } from "./api.ts";

const AT_ONCE = 60;
const REQUESTS = 3;
const KEPT = 3000;
const SIZES = [64, 112, 224, 448];

type Urls = Pick<typeof URL, "createObjectURL" | "revokeObjectURL">;

export class Pictures {
  private readonly urls = new Map<string, string>(); // face → address, "" where there is none; least recently used first
  private readonly coming = new Set<string>();
  private wanted: string[] = [];
  private also = new Set<string>(); // wanted beside the grid: covers
  private later: string[] = []; // likely to be wanted next
  private size = 112;
  private running = 0;
  private readonly listeners = new Set<(faceIds: string[]) => void>();

  constructor(private readonly api: Pick<Api, "thumbnails">, private readonly make: Urls = URL) {}

  /** The picture's address, "" where it is not to be had, undefined as long as it has not come. */
  of(faceId: string): string | undefined {
    const url = this.urls.get(faceId);
    if (url !== undefined) {
      this.urls.delete(faceId);
      this.urls.set(faceId, url);
    }
    return url;
  }

  /** What is in sight now, most important first; what was wanted before and is not any more is not fetched. */
  want(faceIds: string[]): void {
    this.wanted = faceIds;
    this.fetch();
  }

  /** What is likely to be in sight next, fetched when all else has come. */
  wantLater(faceIds: string[]): void {
    this.later = faceIds;
    this.fetch();
  }

  wantAlso(faceId: string): void {
    this.also.add(faceId);
    queueMicrotask(() => this.fetch());
  }

  /** Tiles are so many pixels wide on the screen: pictures of another size are fetched anew. */
  showAt(pixels: number): boolean {
    const size = SIZES.find((known) => known >= pixels * 0.9) ?? SIZES.at(-1)!;
    if (size === this.size) return false;
    const isLarger = size > this.size;
    this.size = size;
    if (isLarger) this.forget();
    return isLarger;
  }

  onPictures(listener: (faceIds: string[]) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  forget(faceIds: Iterable<string> = [...this.urls.keys()]): void {
    for (const id of faceIds) {
      const url = this.urls.get(id);
      if (url) this.make.revokeObjectURL(url);
      this.urls.delete(id);
    }
  }

  private fetch(): void {
    while (this.running < REQUESTS) {
      const isNew = (id: string): boolean => !this.urls.has(id) && !this.coming.has(id);
      const missing = [...this.also, ...this.wanted, ...this.later].filter(isNew).slice(0, AT_ONCE);
      if (!missing.length) return;
      this.running += 1;
      missing.forEach((id) => this.coming.add(id));
      void this.load(missing);
    }
  }

  private async load(ids: string[]): Promise<void> {
    let pictures: Uint8Array[] = [];
    let isAnswered = true;
    try {
      pictures = await this.api.thumbnails(ids, this.size);
    } catch {
      isAnswered = false; // asked for again when they are next in sight
    }
    ids.forEach((id, place) => {
      this.coming.delete(id);
      this.also.delete(id);
      const jpeg = pictures[place];
      if (isAnswered) this.keep(id, jpeg?.length ? this.make.createObjectURL(new Blob([jpeg as BlobPart], { type: "image/jpeg" })) : "");
    });
    this.running -= 1;
    this.listeners.forEach((listener) => listener(ids));
    if (isAnswered) this.fetch();
  }

  private keep(id: string, url: string): void {
    this.urls.set(id, url);
    if (this.urls.size <= KEPT) return;
    const needed = new Set(this.wanted);
    for (const oldest of this.urls.keys()) {
      if (this.urls.size <= KEPT) return;
      if (!needed.has(oldest)) this.forget([oldest]);
    }
  }
}
