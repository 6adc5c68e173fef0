// What others decide meanwhile: asked for every moment that the page is seen, shown without moving anything.
import type { Desk } from "./desk.ts";

const EVERY_MS = 1500;

export class Watch {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private revision = "";

  constructor(private readonly desk: Desk, private readonly isSeen: () => boolean) {
    this.again();
  }

  close(): void {
    clearTimeout(this.timer);
  }

  private again(): void {
    this.timer = setTimeout(() => void this.look().finally(() => this.again()), EVERY_MS);
  }

  private async look(): Promise<void> {
    const { desk } = this;
    if (!this.isSeen() || desk.state.isBusy || desk.state.isLoading) return;
    try {
      const { latestEvent } = desk.state;
      const found = await desk.api.changes(latestEvent);
      const isKnown = found.revision === this.revision || !this.revision || found.revision === desk.state.pages.revision;
      this.revision = found.revision;
      if (desk.state.isBusy || desk.state.latestEvent !== latestEvent) return; // it was this page's own
      if (isKnown && found.latestEvent <= latestEvent) return;
      desk.store.set({ latestEvent: found.latestEvent });
      await Promise.all([desk.refresh(), desk.refreshNames()]);
      if (found.texts.length) desk.store.tell(found.texts.slice(-3).join("; "));
    } catch {
      return; // a service that is away is told of by what the person does next
    }
  }
}
