// Views beside the places of faces: each has a line in the sidebar, an address, and a component in place of the grid.
import type { ComponentType } from "preact";
import type { Stage } from "./act.ts";
import { Days } from "./days.tsx";
import { REVIEW } from "./decisions.ts";
import type { Desk } from "./desk.ts";
import { Explore } from "./explore.tsx";
import { Review } from "./review.tsx";
import { Tune } from "./tune.tsx";

export interface View {
  name: string; // in the address: `#view=name`
  label: string;
  key?: string; // `KeyR`: Alt and this key open it
  Component: ComponentType<{ desk: Desk; stage: Stage }>;
}

/** In the sidebar's order. Faces that a view finds are shown in the grid by `desk.showFaces`. */
export const VIEWS: readonly View[] = [
  { name: REVIEW, label: "Review", key: "KeyR", Component: Review },
  { name: "days", label: "Events", Component: Days },
  { name: "map", label: "Map", key: "KeyM", Component: Explore },
  { name: "tune", label: "Tune", key: "KeyT", Component: Tune },
];

export function viewOf(name: string | null): View | undefined {
  return VIEWS.find((view) => view.name === name);
}
