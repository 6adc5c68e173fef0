// Two ways in: `mount` for the page at /label, the default export for a widget in a notebook.
import { render } from "preact";
import { Api } from "./api.ts";
import { App } from "./app.tsx";
import { Desk, type Address } from "./desk.ts";
import { Pictures } from "./pictures.ts";
import { CommTransport, FetchTransport, type Model, type Transport } from "./transport.ts";
import { Watch } from "./watch.ts";
import "./grid.css";

const PAGE: Address = {
  read: () => location.hash,
  write: (fragment, isNewPlace) => {
    if (location.hash.slice(1) === fragment) return;
    if (isNewPlace) history.pushState(null, "", `#${fragment}`);
    else history.replaceState(null, "", `#${fragment}`);
  },
};
const NOWHERE: Address = { read: () => "", write: () => undefined };

function open(root: HTMLElement, transport: Transport, address: Address, takesFocus: boolean): { desk: Desk; close: () => void } {
  const api = new Api(transport);
  const pictures = new Pictures(api);
  const desk = new Desk(api, pictures, address);
  render(<App desk={desk} takesFocus={takesFocus} />, root);
  void desk.start();
  const watch = new Watch(desk, () => document.visibilityState === "visible" && root.isConnected);
  return {
    desk,
    close: () => {
      watch.close();
      render(null, root);
      pictures.forget();
    },
  };
}

/** Fill the whole page. */
export function mount(root: HTMLElement): void {
  root.classList.add("fg-page");
  const { desk } = open(root, new FetchTransport(), PAGE, true);
  window.addEventListener("popstate", () => void desk.follow());
}

export default {
  /** A cell's output: it takes the keyboard only once somebody goes there. */
  render({ model, el }: { model: Model; el: HTMLElement }): () => void {
    const root = document.createElement("div");
    root.className = "fg-cell";
    el.append(root);
    const transport = new CommTransport(model);
    const { close } = open(root, transport, NOWHERE, false);
    return () => {
      close();
      transport.close();
    };
  },
};
