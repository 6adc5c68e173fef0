// The whole photo: who is on it, zoom, next and previous; boxes are named, corrected, drawn and taken away here.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Desk } from "./desk.ts";
import { boxOf, moved, type Point } from "./boxes.ts";
import type { Box, Photo, PhotoFace } from "./types.ts";
import { completions } from "./complete.ts";
import { clock, day } from "./words.ts";

const PICTURE_PX = 2048;
const ZOOMS = [1, 1.5, 2, 3, 4, 6];
const FIRST_BOX: Box = { x: 0.4, y: 0.35, width: 0.2, height: 0.3 };

export function PhotoView({ desk }: { desk: Desk }) {
  const asked = desk.state.photo!;
  const [photo, setPhoto] = useState<Photo | null>(null);
  const [url, setUrl] = useState("");
  const [chosen, setChosen] = useState<string | null>(asked.faceId || null);
  const [draft, setDraft] = useState<Box | null>(null); // of a face that is being drawn or corrected
  const [isDrawing, setDrawing] = useState(false);
  const [isPlaying, setPlaying] = useState(false);
  const [zoom, setZoom] = useState(1);
  const [typed, setTyped] = useState("");
  const [from, setFrom] = useState<Point | null>(null);
  const dialog = useRef<HTMLDivElement>(null);
  const stage = useRef<HTMLDivElement>(null);
  const { api, store } = desk;

  const load = async () => {
    const found = await desk.guarded(() => api.photo(asked.assetId));
    if (!found || desk.state.photo?.assetId !== asked.assetId) return;
    setPhoto(found);
    setChosen((now) => (found.faces.some((face) => face.faceId === now) ? now : (found.faces[0]?.faceId ?? null)));
  };
  useEffect(() => {
    setUrl("");
    setDraft(null);
    setDrawing(false);
    setZoom(1);
    setChosen(asked.faceId || null);
    void load();
  }, [asked.assetId]);
  const isHere = photo?.assetId === asked.assetId;
  const face = isHere ? photo.faces.find((found) => found.faceId === chosen) : undefined;
  const frame = face?.span?.frameS ?? 0;
  useEffect(() => {
    if (!isHere) return;
    let isGone = false;
    let made = "";
    setPlaying(false);
    void desk.guarded(() => api.picture(asked.assetId, PICTURE_PX, frame)).then((jpeg) => {
      if (isGone || !jpeg) return;
      made = URL.createObjectURL(new Blob([jpeg as BlobPart], { type: "image/jpeg" }));
      setUrl(made);
    });
    return () => {
      isGone = true;
      if (made) URL.revokeObjectURL(made);
    };
  }, [asked.assetId, isHere, frame]);
  useEffect(() => dialog.current?.focus(), []);

  const video = photo?.durationS != null ? api.video(asked.assetId) : null;
  const close = () => store.set({ photo: null });
  const goTo = (assetId: number | null) => assetId !== null && store.set({ photo: { assetId, faceId: "" } });
  const decide = async (text: string, work: () => Promise<object>) => {
    if (!(await desk.decisions.other(text, work))) return;
    setTyped("");
    setDraft(null);
    setDrawing(false);
    await load();
  };
  const correct = async (found: PhotoFace, box: Box) => {
    let faceId = found.faceId; // a corrected face has another id
    await decide("Box corrected", async () => {
      const report = await api.correct(found.faceId, box);
      faceId = report.faceId;
      return report;
    });
    setChosen(faceId);
  };
  const name = async () => {
    const known = completions(desk.state.names, typed)[0];
    const text = known?.name ?? typed.trim();
    if (draft && isDrawing) return decide(text ? `Drawn: ${text}` : "Drawn: a face", () => api.draw(asked.assetId, draft, text));
    if (draft && face) return correct(face, draft);
    if (!face || !text) return;
    const who = known ? { personId: known.personId } : { name: text };
    await decide(`1 face: ${text}`, () => api.decide({ action: "name", faceIds: [face.faceId], ...who }));
  };
  const keydown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target as HTMLElement;
    const isWriting = target instanceof HTMLInputElement;
    if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      if (typed) setTyped("");
      else if (draft) setDraft(null), setDrawing(false);
      else close();
    } else if (event.key === "Tab") trap(event, dialog.current!);
    else if (draft && !isWriting && event.key.startsWith("Arrow")) {
      event.preventDefault();
      setDraft(moved(draft, event.key, event.shiftKey));
    } else if (event.key === "Enter" && (isWriting || target === dialog.current || draft)) {
      if (target instanceof HTMLButtonElement) return;
      event.preventDefault();
      void name();
    } else if (isWriting) return;
    else if (event.key === "ArrowLeft") goTo(photo?.previous ?? null);
    else if (event.key === "ArrowRight") goTo(photo?.next ?? null);
    else if (event.key === "+" || event.key === "=") setZoom(next(zoom, 1));
    else if (event.key === "-") setZoom(next(zoom, -1));
    else if (event.key === "Delete" && face) void remove(face);
    else if (event.key === " " && !(target instanceof HTMLButtonElement)) close();
    else if ([...event.key].length === 1 && !(event.key === " ")) dialog.current?.querySelector<HTMLInputElement>(".fg-entry")?.focus();
    else return;
    if (event.key === " ") event.preventDefault();
  };
  const remove = (found: PhotoFace) => found.isDrawn
    ? decide("Drawn face taken away", () => api.remove(found.faceId))
    : found.personId
      ? decide(`1 face: not ${found.personName}`, () => api.decide({ action: "reject", faceIds: [found.faceId] }))
      : decide("1 face ignored: not a face", () => api.decide({ action: "dismiss", faceIds: [found.faceId], dismissedAs: "not_a_face" }));
  const pointIn = (event: PointerEvent): Point => {
    const rect = stage.current!.getBoundingClientRect();
    return { x: (event.clientX - rect.left) / rect.width, y: (event.clientY - rect.top) / rect.height };
  };
  const isEditing = isDrawing || draft !== null;
  const picked = completions(desk.state.names, typed)[0];
  return (
    <div class="fg-photo-view" role="dialog" aria-modal="true" aria-label={photo?.name ?? "Photo"} tabIndex={-1} ref={dialog} onKeyDown={keydown}>
      <div class="fg-photo-head">
        <div class="fg-title"><h2>{photo?.name ?? "…"}</h2>
          <p>{[photo?.folder, photo?.takenAt ? day(photo.takenAt) : "", photo?.camera].filter(Boolean).join(" · ")}</p></div>
        <div class="fg-tools">
          <button type="button" class="fg-button" title="←" disabled={photo?.previous == null} onClick={() => goTo(photo!.previous)}>Previous</button>
          <button type="button" class="fg-button" title="→" disabled={photo?.next == null} onClick={() => goTo(photo!.next)}>Next</button>
          <button type="button" class="fg-button" aria-label="Smaller" title="−" disabled={zoom === ZOOMS[0]} onClick={() => setZoom(next(zoom, -1))}>−</button>
          <button type="button" class="fg-button" aria-label="Larger" title="+" disabled={zoom === ZOOMS.at(-1)} onClick={() => setZoom(next(zoom, 1))}>+</button>
          {video && <button type="button" class="fg-button" aria-pressed={isPlaying} onClick={() => setPlaying(!isPlaying)}>{isPlaying ? "Still" : "Play"}</button>}
          {photo?.durationS == null && <button type="button" class="fg-button" aria-pressed={isDrawing} onClick={() => (setDrawing(!isDrawing), setDraft(isDrawing ? null : FIRST_BOX))}>Draw a face</button>}
          {face && !face.span && !isDrawing && <button type="button" class="fg-button" aria-pressed={draft !== null} onClick={() => setDraft(draft ? null : face.box)}>Correct the box</button>}
          <button type="button" class="fg-button" title="Esc" onClick={close}>Close</button>
        </div>
      </div>
      {photo?.durationS != null && <div class="fg-tools fg-moments" role="group" aria-label="Faces of the video">{photo.faces.map((found) => (
        <button key={found.faceId} type="button" class="fg-button" aria-pressed={found.faceId === chosen} onClick={() => setChosen(found.faceId)}>
          {found.personName ?? "nobody yet"} {clock(found.span?.firstS ?? 0)}–{clock(found.span?.lastS ?? 0)}</button>
      ))}</div>}
      <div class="fg-photo-scroll" tabIndex={0} role="group" aria-label="The photo" onWheel={(event) => {
        if (!event.ctrlKey) return;
        event.preventDefault();
        setZoom(next(zoom, event.deltaY < 0 ? 1 : -1));
      }}>
        <div ref={stage} class={`fg-photo${isEditing ? " fg-drawing" : ""}`} style={{ "--fg-zoom": zoom, "--fg-shape": photo ? `${photo.width} / ${photo.height}` : "3 / 2", "--fg-wide": photo ? photo.width / photo.height : 1.5 }}
          onPointerDown={(event) => {
            if (!isEditing || event.button !== 0) return;
            event.preventDefault();
            stage.current!.setPointerCapture(event.pointerId);
            setFrom(pointIn(event));
          }}
          onPointerMove={(event) => from && setDraft(boxOf(from, pointIn(event)))}
          onPointerUp={() => setFrom(null)}>
          {isPlaying && video ? <video key={chosen} src={video} controls autoplay onLoadedMetadata={(event) => (event.currentTarget.currentTime = face?.span?.firstS ?? 0)} />
            : url && <img src={url} alt="" draggable={false} />}
          {!isPlaying && photo?.faces.filter((found) => !found.span || found.span.frameS === frame).map((found) => (
            <button key={found.faceId} type="button" class={`fg-box fg-${found.state}${found.faceId === chosen ? " fg-asked" : ""}`} style={percent(found.box)} disabled={isEditing}
              aria-pressed={found.faceId === chosen} aria-label={found.personName ?? "a face without a name"} onClick={() => setChosen(found.faceId)}>
              {found.personName && <span>{found.personName}</span>}
            </button>
          ))}
          {draft && <div class="fg-box fg-draft" style={percent(draft)} />}
        </div>
      </div>
      <div class="fg-answer">
        <input class="fg-entry" type="text" aria-label="Name of this face" placeholder={face?.personName ?? "Type a name"} value={typed} autocomplete="off"
          disabled={!face && !isDrawing} onInput={(event) => setTyped(event.currentTarget.value)} />
        <button type="button" class="fg-button fg-main-button" disabled={!draft && (!face || !typed.trim())} onClick={() => void name()}>
          {draft ? (isDrawing ? "Keep the face" : "Keep the box") : picked ? `Name ${picked.name}` : "Name"} <kbd>⏎</kbd></button>
        {face && !draft && <button type="button" class="fg-button" onClick={() => void remove(face)}>
          {face.isDrawn ? "Take away" : face.personId ? "Not this person" : "Not a face"} <kbd>Del</kbd></button>}
        <span class="fg-hint">{draft ? "Drag a box, or move it with the arrows; with Shift they change its size" : ""}</span>
      </div>
    </div>
  );
}

function next(zoom: number, by: 1 | -1): number {
  return ZOOMS[Math.min(ZOOMS.length - 1, Math.max(0, ZOOMS.indexOf(zoom) + by))]!;
}

function percent(box: Box) {
  return { left: `${100 * box.x}%`, top: `${100 * box.y}%`, width: `${100 * box.width}%`, height: `${100 * box.height}%` };
}

/** Tab goes round inside the dialog. */
function trap(event: KeyboardEvent, dialog: HTMLElement): void {
  const stops = [...dialog.querySelectorAll<HTMLElement>("button:enabled, input:enabled, [tabindex='0']")];
  const at = stops.indexOf(document.activeElement as HTMLElement);
  const to = stops[(at + (event.shiftKey ? -1 : 1) + stops.length) % stops.length];
  event.preventDefault();
  to?.focus();
}
