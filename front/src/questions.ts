// What faceml asks: one question after the other. Answers count in the next batch, which is scored anew.
import type { Desk } from "./desk.ts";
import { Refused } from "./transport.ts";
import { TOPICS, type Question, type Topic } from "./types.ts";

const BATCH = 20;

export interface Asked {
  topic: Topic;
  round: number;
  questions: Question[]; // the first is asked now
  photos: Record<string, number>; // face → photo
  bursts: Record<string, number>; // face → how many photos of a burst it stands for, where these are several
  putOff: ReadonlySet<string>; // keys
  answered: number;
  isNaming: boolean; // two groups without a name are one person: whose?
  isLoading: boolean;
}

export const NOTHING_ASKED: Asked = {
  topic: TOPICS[0], round: 0, questions: [], photos: {}, bursts: {}, putOff: new Set(), answered: 0, isNaming: false, isLoading: false,
};

export class Questions {
  constructor(private readonly desk: Desk) {}

  get now(): Question | undefined {
    return this.asked.questions[0];
  }

  /** Ask from the start: what was put off comes back. */
  async start(): Promise<void> {
    this.set({ ...NOTHING_ASKED, answered: this.asked.answered });
    await this.fill(TOPICS.length);
  }

  /** Only about this. */
  async turnTo(topic: Topic): Promise<void> {
    this.set({ topic, round: 0, questions: [], isNaming: false });
    await this.fill(1);
  }

  async answer(isYes: boolean, name = ""): Promise<void> {
    const { desk, now, asked } = this;
    if (!now || desk.state.isBusy) return;
    if (isYes && now.needsName && !name) return this.set({ isNaming: true });
    desk.store.set({ isBusy: true });
    try {
      const report = await desk.api.answer(asked.topic, now, isYes, name);
      desk.decisions.remember({ eventIds: report.eventIds, query: desk.state.query, text: report.text, question: now });
      this.set({ answered: asked.answered + 1 });
      desk.store.tell(report.text, "done");
    } catch (error) {
      desk.store.tell(error instanceof Error ? error.message : String(error), "problem");
      if (!(error instanceof Refused && [404, 409].includes(error.status))) return; // it can be answered still
    } finally {
      desk.store.set({ isBusy: false });
    }
    void desk.refreshPlaces();
    if (name) void desk.refreshNames();
    await this.next();
  }

  async putAside(): Promise<void> {
    if (!this.now) return;
    this.set({ putOff: new Set([...this.asked.putOff, this.now.key]) });
    await this.next();
  }

  /** A question whose answer was taken back. */
  again(question: Question): void {
    const others = this.asked.questions.filter((found) => found.key !== question.key);
    this.set({ topic: question.topic, questions: [question, ...others.filter((found) => found.topic === question.topic)], isNaming: false });
  }

  leaveNaming(): void {
    this.set({ isNaming: false });
  }

  private get asked(): Asked {
    return this.desk.state.asking;
  }

  private set(change: Partial<Asked>): void {
    this.desk.store.set({ asking: { ...this.asked, ...change } });
  }

  private async next(): Promise<void> {
    this.set({ questions: this.asked.questions.slice(1), isNaming: false });
    await this.fill(TOPICS.length);
  }

  /** With no question left, ask anew: of this topic, its further rounds, and then of the other topics. */
  private async fill(topics: number): Promise<void> {
    this.set({ isLoading: true });
    const first = TOPICS.indexOf(this.asked.topic);
    for (let step = 0; step < topics && !this.now; step++) {
      const topic = TOPICS[(first + step) % TOPICS.length]!;
      if (step) this.set({ topic, round: 0 });
      for (let rounds = 1; !this.now && this.asked.topic === topic && this.asked.round < rounds; ) rounds = await this.ask(topic);
      if (this.asked.topic !== topic) break; // somebody turned to another one meanwhile
    }
    this.set({ isLoading: false });
  }

  private async ask(topic: Topic): Promise<number> {
    const { round, putOff } = this.asked;
    const found = await this.desk.guarded(() => this.desk.api.questions(topic, round, BATCH + putOff.size));
    if (this.asked.topic !== topic) return 0;
    const questions = (found?.questions ?? []).filter((question) => !this.asked.putOff.has(question.key)).slice(0, BATCH);
    this.set({
      questions: questions.map((question) => ({ ...question, topic })), photos: { ...this.asked.photos, ...found?.photos },
      bursts: { ...this.asked.bursts, ...found?.bursts },
      round: questions.length ? round : round + 1,
    });
    return found?.rounds ?? 0;
  }
}
