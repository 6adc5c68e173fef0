// A face's picture outside the grid: covers of groups and people.
import { useEffect, useState } from "preact/hooks";
import type { Desk } from "./desk.ts";

export function Portrait({ desk, faceId }: { desk: Desk; faceId: string | undefined }) {
  const [url, setUrl] = useState(faceId === undefined ? "" : desk.pictures.of(faceId));
  useEffect(() => {
    if (faceId === undefined) return setUrl("");
    const show = () => setUrl(desk.pictures.of(faceId));
    show();
    if (desk.pictures.of(faceId) === undefined) desk.pictures.wantAlso(faceId);
    return desk.pictures.onPictures((ids) => ids.includes(faceId) && show());
  }, [faceId]);
  return <img class="fg-portrait" alt="" draggable={false} {...(url ? { src: url } : {})} />;
}
