// How a request reaches the library: over HTTP from the page, over the notebook's messages from the widget.

export interface Call {
  method: "GET" | "POST" | "DELETE";
  path: string; // below /api/v1/faces
  query?: Record<string, string>;
  body?: unknown;
}

export interface Answer {
  status: number;
  headers: Record<string, string>; // names in lower case
  body: ArrayBuffer;
}

export interface Transport {
  ask(call: Call): Promise<Answer>;
  address?(path: string): string; // for what the browser reads by itself
}

/** The service refused: what it says is what the person reads. */
export class Refused extends Error {
  constructor(readonly status: number, message: string, readonly details: Record<string, unknown> = {}) {
    super(message);
  }
}

const API = "api/v1/faces";

/** Same-origin requests; the browser adds the key that its reader gave, and the header says that a page of ours asks. */
export class FetchTransport implements Transport {
  constructor(private readonly base: string = API) {}

  address(path: string): string {
    return `${this.base}${path}`;
  }

  async ask(call: Call): Promise<Answer> {
    const query = new URLSearchParams(call.query ?? {}).toString();
    const isForm = call.body instanceof FormData;
    const init: RequestInit = { method: call.method, headers: { "X-Faceml-Page": "1" }, credentials: "same-origin" };
    if (isForm) init.body = call.body as FormData;
    else if (call.body !== undefined) {
      init.body = JSON.stringify(call.body);
      init.headers = { ...init.headers, "Content-Type": "application/json" };
    }
    let response: Response;
    try {
      response = await fetch(`${this.base}${call.path}${query && `?${query}`}`, init);
    } catch {
      throw new Refused(0, "the service does not answer: is it still running?");
    }
    return { status: response.status, headers: Object.fromEntries(response.headers), body: await response.arrayBuffer() };
  }
}

/** The part of anywidget's model that is used. */
export interface Model {
  send(content: unknown, callbacks?: unknown, buffers?: ArrayBuffer[]): void;
  on(event: "msg:custom", listener: (content: unknown, buffers: DataView[]) => void): void;
  off(event: "msg:custom", listener: (content: unknown, buffers: DataView[]) => void): void;
}

interface Reply {
  id: number;
  status: number;
  headers: Record<string, string>;
}

const ANSWER_WITHIN_MS = 120_000; // a busy kernel answers when its cell is done

/** Messages to the kernel and back: `{id, method, path, query, body}`, answered by `{id, status, headers}` and one buffer. */
export class CommTransport implements Transport {
  private readonly waiting = new Map<number, (answer: Answer) => void>();
  private last = 0;

  constructor(private readonly model: Model) {
    model.on("msg:custom", this.receive);
  }

  async ask(call: Call): Promise<Answer> {
    const id = ++this.last;
    const { body, buffers } = await packed(call.body);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.delete(id);
        reject(new Refused(0, "the kernel does not answer: is a cell running, or has it stopped?"));
      }, ANSWER_WITHIN_MS);
      this.waiting.set(id, (answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
      this.model.send({ ...call, id, query: call.query ?? {}, body }, undefined, buffers);
    });
  }

  close(): void {
    this.model.off("msg:custom", this.receive);
    this.waiting.clear();
  }

  private readonly receive = (content: unknown, buffers: DataView[]): void => {
    const reply = content as Reply;
    const resolve = this.waiting.get(reply.id);
    if (!resolve) return; // another view of the same widget asked
    this.waiting.delete(reply.id);
    const found = buffers[0];
    const body = found ? found.buffer.slice(found.byteOffset, found.byteOffset + found.byteLength) : new ArrayBuffer(0);
    resolve({ status: reply.status, headers: reply.headers, body: body as ArrayBuffer });
  };
}

/** A form's file goes as a buffer of its own; all else is JSON. */
async function packed(body: unknown): Promise<{ body: unknown; buffers: ArrayBuffer[] }> {
  if (!(body instanceof FormData)) return { body: body ?? null, buffers: [] };
  const files = [...body].filter((entry): entry is [string, File] => entry[1] instanceof File);
  const buffers = await Promise.all(files.map(([, file]) => file.arrayBuffer()));
  return { body: { files: files.map(([field, file]) => ({ field, name: file.name, type: file.type })) }, buffers };
}

/** The answer's JSON. Raises Refused, with the problem's own words. */
export function readJson<T>(answer: Answer): T {
  const text = new TextDecoder().decode(answer.body);
  let found: unknown = null;
  try {
    found = text ? JSON.parse(text) : null;
  } catch {
    throw new Refused(answer.status, `the service answered ${answer.status} in words that this page does not know`);
  }
  if (answer.status >= 400) throw refusal(answer.status, found);
  return found as T;
}

export function refusal(status: number, found: unknown): Refused {
  const details = (found ?? {}) as Record<string, unknown>;
  return new Refused(status, String(details["detail"] ?? details["title"] ?? `the service answered ${status}`), details);
}
