// What opens below the head and tells something: the history of decisions, why a face has its name, who a person is.
import { useEffect, useState } from "preact/hooks";
import type { Desk } from "./desk.ts";
import { Portrait } from "./portrait.tsx";
import type { Explanation, HistoryLine, PersonFacts } from "./types.ts";
import { counted, day, similarity } from "./words.ts";

const LINES = 30;

/** Every decision, and each can be taken back here or made again. */
export function History({ desk }: { desk: Desk }) {
  const [lines, setLines] = useState<HistoryLine[]>([]);
  const { latestEvent, isBusy } = desk.state;
  useEffect(() => void desk.guarded(() => desk.api.history(LINES)).then((found) => found && setLines(found.events)), [latestEvent, isBusy]);
  const toggle = (line: HistoryLine) => {
    const isUndone = line.undoneBy !== null;
    void desk.decisions.other(`${isUndone ? "Done again" : "Undone"}: ${line.text}`, () => desk.api.undo(line.undoneBy ?? line.eventId));
  };
  return (
    <section class="fg-panel" aria-label="History">
      <ol class="fg-history">
        {lines.map((line) => (
          <li key={line.eventId}>
            <span class={line.undoneBy === null ? "" : "fg-struck"}>{line.text}</span>
            <small>{line.actor}, {day(line.at)}</small>
            <button type="button" class="fg-button" data-event={line.eventId} disabled={isBusy} aria-label={`${line.undoneBy === null ? "Undo" : "Redo"}: ${line.text}`}
              onClick={() => toggle(line)}>{line.undoneBy === null ? "Undo" : "Redo"}</button>
          </li>
        ))}
        {!lines.length && <li>Nothing was decided yet.</li>}
      </ol>
    </section>
  );
}

/** Of the face that has the keyboard. */
export function Why({ desk }: { desk: Desk }) {
  const { pages, selection } = desk.state;
  const faceId = pages.at(selection.at)?.faceId;
  const [found, setFound] = useState<Explanation | null>(null);
  useEffect(() => {
    if (faceId === undefined) return setFound(null);
    void desk.guarded(() => desk.api.explanation(faceId)).then(setFound);
  }, [faceId]);
  return <section class="fg-panel fg-why" aria-label="Why" role="status">{found && <p>{reasons(found).join(" · ")}</p>}</section>;
}

export function reasons(found: Explanation): string[] {
  const { personName, assignedBy, threshold, runnerUpName, runnerUpSimilarity, ruledOut } = found;
  const isMachine = personName !== null && assignedBy !== null && assignedBy !== "manual";
  const now = [...found.scores.map((item) => ({ name: item.personName, like: item.score })), ...found.nearest.map((item) => ({ name: item.personName, like: item.similarity }))];
  const best = [...new Map(now.sort((a, b) => a.like - b.like).map((item) => [item.name, item.like]))].reverse().slice(0, 3);
  return [
    personName === null ? "No name" : isMachine ? `${personName}, by the machine` : `${personName}, by a person`,
    isMachine && found.similarity !== null ? `similarity ${similarity(found.similarity)}${threshold === null ? "" : ` from a threshold of ${similarity(threshold)}`}` : "",
    runnerUpName !== null && runnerUpSimilarity !== null ? `then ${runnerUpName}, ${similarity(runnerUpSimilarity)}` : "",
    best.length ? `now like ${best.map(([name, like]) => `${name} ${similarity(like)}`).join(", ")}` : "like nobody who is known",
    ruledOut.length ? `not ${ruledOut.join(", ")}, as a person said` : "",
    found.note ?? "",
  ].filter(Boolean);
}

export function Details({ desk, personId }: { desk: Desk; personId: string }) {
  const [found, setFound] = useState<PersonFacts | null>(null);
  const { latestEvent } = desk.state;
  useEffect(() => void desk.guarded(() => desk.api.person(personId)).then(setFound), [personId, latestEvent]);
  if (!found) return null;
  return (
    <section class="fg-panel fg-details" aria-label="Details">
      <p>{[counted(found.faceCount), found.alsoCalled.length ? `also called ${found.alsoCalled.join(", ")}` : "", found.hasCentroid ? "with centroid" : "no centroid"].filter(Boolean).join(" · ")}</p>
      {found.exemplarFaceIds.length > 0 && <div class="fg-recognised-by"><span>Recognised by</span>
        {found.exemplarFaceIds.map((faceId) => <Portrait key={faceId} desk={desk} faceId={faceId} />)}
        <button type="button" class="fg-button" disabled={desk.state.isBusy} title="The best three of the faces that a person named"
          onClick={() => void desk.decisions.other("Exemplars chosen anew", () => desk.api.exemplars(personId, []))}>Choose anew</button></div>}
    </section>
  );
}
