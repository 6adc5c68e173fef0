// Review: one question at a time, two sides beside each other, yes or no. A visible mode: its letters are on its buttons.
import { useEffect, useState } from "preact/hooks";
import type { Stage } from "./act.ts";
import { completions } from "./complete.ts";
import type { Desk } from "./desk.ts";
import { Portrait } from "./portrait.tsx";
import { TOPICS, type Side, type Topic } from "./types.ts";
import { counted } from "./words.ts";

export const TOPIC_LABELS: Record<Topic, string> = {
  probable: "Probably known", same_person: "Same person?", intruders: "Intruders", close_calls: "Close calls", recognised: "Recognised",
};
const SIDE_PX = 150;

export function Review({ desk, stage }: { desk: Desk; stage: Stage }) {
  const { asking, isBusy } = desk.state;
  const question = asking.questions[0];
  const ask = (work: Promise<void>) => void work.then(() => stage.focusGrid());
  useEffect(() => {
    desk.pictures.showAt(SIDE_PX * devicePixelRatio);
    if (!question) ask(desk.questions.start());
    else stage.focusGrid();
  }, []);
  const look = (faceId: string | undefined) => {
    const assetId = faceId === undefined ? undefined : asking.photos[faceId];
    if (faceId !== undefined && assetId !== undefined) desk.store.set({ photo: { assetId, faceId } });
  };
  const keydown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.altKey || event.metaKey || (event.target as HTMLElement).matches("input")) return;
    const key = event.key.toLowerCase();
    const topic = TOPICS.indexOf(asking.topic) + ({ arrowdown: 1, arrowup: -1 }[key] ?? 0);
    if (key === "y") ask(desk.questions.answer(true));
    else if (key === "n") ask(desk.questions.answer(false));
    else if (key === "arrowright" || key === "s") ask(desk.questions.putAside());
    else if (key === " " && !(event.target as HTMLElement).matches("button")) look(question?.one.faceIds[0]);
    else if (key === "arrowdown" || key === "arrowup") ask(desk.questions.turnTo(TOPICS[(topic + TOPICS.length) % TOPICS.length]!));
    else return;
    event.preventDefault();
  };
  return (
    <div class="fg-view fg-review" tabIndex={-1} onKeyDown={keydown} data-busy={asking.isLoading ? "" : undefined}>
      <header class="fg-head">
        <div class="fg-title">
          <h1>{question?.text ?? (asking.isLoading ? "Looking …" : "Review")}</h1>
          <p>{[question?.evidence, question?.company, asking.answered > 0 && `${asking.answered} answered`].filter(Boolean).join(" · ")}</p>
        </div>
        <div class="fg-tools" role="group" aria-label="What is asked about">
          {TOPICS.map((topic) => (
            <button key={topic} type="button" class="fg-button" data-topic={topic} aria-pressed={topic === asking.topic}
              onClick={() => ask(desk.questions.turnTo(topic))}>{TOPIC_LABELS[topic]}</button>
          ))}
        </div>
      </header>
      {question
        ? <div class="fg-sides"><Faces desk={desk} side={question.one} look={look} /><Faces desk={desk} side={question.other} look={look} /></div>
        : <p class="fg-nothing">{asking.isLoading ? "" : "faceml has no question about this now."}</p>}
      <div class="fg-bar">
        {asking.isNaming && <NameBoth desk={desk} ask={ask} />}
        <div class="fg-actions">
          <button type="button" class="fg-button fg-main-button" data-action="yes" disabled={!question || isBusy} onClick={() => ask(desk.questions.answer(true))}>Yes <kbd>Y</kbd></button>
          <button type="button" class="fg-button fg-main-button" data-action="no" disabled={!question || isBusy} onClick={() => ask(desk.questions.answer(false))}>No <kbd>N</kbd></button>
          <button type="button" class="fg-button" data-action="later" disabled={!question} onClick={() => ask(desk.questions.putAside())}>Later <kbd>→</kbd></button>
          <button type="button" class="fg-button" disabled={!question} onClick={() => look(question?.one.faceIds[0])}>Photo <kbd>Space</kbd></button>
          <button type="button" class="fg-button" title="Questions that were put off come back" onClick={() => ask(desk.questions.start())}>Ask again</button>
        </div>
      </div>
    </div>
  );
}

function Faces({ desk, side, look }: { desk: Desk; side: Side; look: (faceId: string) => void }) {
  return (
    <section class="fg-half" aria-label={side.title}>
      <h2>{side.title}</h2>
      <div class="fg-faces">
        {side.faceIds.map((faceId, at) => {
          const shots = desk.state.asking.bursts[faceId];
          const which = [`Photo of ${side.title}, face ${at + 1} of ${side.faceIds.length}`, shots && `one of ${shots} nearly the same`];
          return (
            <button key={faceId} type="button" class="fg-face" data-face={faceId} aria-label={which.filter(Boolean).join(", ")} onClick={() => look(faceId)}>
              <Portrait desk={desk} faceId={faceId} />{shots && <span class="fg-times">×{shots}</span>}
            </button>
          );
        })}
      </div>
    </section>
  );
}

function NameBoth({ desk, ask }: { desk: Desk; ask: (work: Promise<void>) => void }) {
  const [typed, setTyped] = useState("");
  const found = completions(desk.state.names, typed);
  const name = found[0]?.name ?? typed.replace(/\s+/g, " ").trim();
  const faces = desk.questions.now;
  return (
    <form class="fg-answer" aria-label="Who is it?" onSubmit={(event) => (event.preventDefault(), name && ask(desk.questions.answer(true, name)))}>
      <input class="fg-entry" type="text" aria-label="Name of this person" placeholder="Who is it?" value={typed} autocomplete="off"
        ref={(input) => { if (input && !typed) input.focus(); }}
        onInput={(event) => setTyped(event.currentTarget.value)}
        onKeyDown={(event) => { if (event.key === "Escape") (event.stopPropagation(), desk.questions.leaveNaming()); }} />
      <button type="submit" class="fg-button fg-main-button" disabled={!name}>{name ? `Both are ${name}` : "Name both"} <kbd>⏎</kbd></button>
      <span class="fg-hint">{faces && `${counted(faces.one.faceIds.length + faces.other.faceIds.length)} shown`}</span>
    </form>
  );
}
