// Draws the screens of faceml.widgets.screen and reports keys, clicks and selections. No rule of the product lives here.

const h = (tag, attributes = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "class") node.className = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((child) => child != null && child !== false));
  return node;
};

const fold = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().trim();
const KEY_NAMES = { ArrowRight: "→", ArrowLeft: "←", ArrowDown: "↓", ArrowUp: "↑", PageDown: "PgDn", PageUp: "PgUp", Escape: "Esc" };
const MOST_PICTURES = 6000;

class Bench {
  constructor(model, el) {
    this.model = model;
    this.pictures = new Map(); // face id → object URL
    this.names = [];
    this.screen = null;
    this.leftOut = new Set();
    this.chosen = new Set();
    this.subject = null; // what the selection belongs to
    this.sentText = this.typedAhead = "";
    this.pending = false; // an answer is on its way: no decision is taken on a screen not seen yet
    this.completion = -1;
    this.number = 0;
    this.asked = new Map(); // number → when the key went down
    this.entry = h("input", {
      class: "fb-entry", type: "text", autocomplete: "off", spellcheck: "false",
      role: "combobox", "aria-expanded": "false", "aria-controls": "fb-choices", oninput: () => this.typed(),
    });
    this.parts = Object.fromEntries(
      ["tabs", "head", "list", "question", "sheets", "choices", "actions", "notice", "history"].map((name) => [
        name, h("div", { class: `fb-${name}` }),
      ]),
    );
    this.parts.notice.setAttribute("role", "status");
    this.parts.notice.setAttribute("aria-live", "polite");
    this.answer = h("div", { class: "fb-answer" }, this.entry, this.parts.choices);
    this.main = h("div", { class: "fb-main" }, this.parts.question, this.parts.sheets, this.answer,
      this.parts.actions, this.parts.notice, this.parts.history);
    // Without this attribute JupyterLab takes single letters for its own commands: x would cut the cell.
    this.root = h("div", { class: "fb-root", tabindex: "-1", role: "group", "data-lm-suppress-shortcuts": "true" },
      this.parts.tabs, this.parts.head, h("div", { class: "fb-body" }, this.parts.list, this.main));
    this.root.addEventListener("keydown", (event) => this.keydown(event));
    el.append(this.root);
    this.onMessage = (message, buffers) => this.receive(message, buffers);
    model.on("msg:custom", this.onMessage);
    model.send({ kind: "ready" });
  }

  close() {
    this.model.off("msg:custom", this.onMessage);
    for (const url of this.pictures.values()) URL.revokeObjectURL(url);
    clearTimeout(this.waiting);
  }

  // --- messages

  receive(message, buffers) {
    message.pictures.forEach((id, place) => {
      URL.revokeObjectURL(this.pictures.get(id)); // a second view of this widget asked for it, too
      this.pictures.set(id, URL.createObjectURL(new Blob([buffers[place]], { type: "image/jpeg" })));
    });
    if (message.names) this.names = message.names.map((name) => ({ name, folded: fold(name) }));
    if (message.kind === "pictures") {
      for (const image of this.root.querySelectorAll("img[data-face]")) {
        const url = this.pictures.get(image.dataset.face);
        if (url && image.src !== url) image.src = url;
      }
      if (!message.more) this.shown();
      return;
    }
    if (message.has_photo) {
      if (this.photo) URL.revokeObjectURL(this.photo);
      this.photo = URL.createObjectURL(new Blob([buffers[buffers.length - 1]], { type: "image/jpeg" }));
    }
    clearTimeout(this.waiting);
    this.root.classList.remove("fb-waiting");
    if (this.pending) this.typedAhead = this.entry.value;
    this.pending = false;
    this.screen = message.screen;
    this.draw();
    this.answered = message.number;
    if (!message.more) this.shown();
    if (this.pictures.size > MOST_PICTURES) this.forget();
  }

  forget() {
    for (const url of this.pictures.values()) URL.revokeObjectURL(url);
    this.pictures.clear();
    this.model.send({ kind: "ready" });
  }

  // All pictures are there: say so, and how long it took since the key went down.
  async shown() {
    const number = this.answered;
    const asked = this.asked.get(number);
    this.asked.clear();
    const images = [...this.root.querySelectorAll(".fb-sheets img[src]")];
    await Promise.all(images.map((image) => image.decode().catch(() => {})));
    requestAnimationFrame(() => setTimeout(() => {
      this.model.send({ kind: "shown" });
      this.root.dataset.shown = String(number);
      const ms = asked ? performance.now() - asked.at : null;
      this.root.dispatchEvent(new CustomEvent("faceml-shown", { bubbles: true, detail: { ms, key: asked?.key } }));
    }));
  }

  report(what) {
    this.number += 1;
    this.asked.set(this.number, { at: performance.now(), key: what.key || what.action });
    const text = this.completion >= 0 ? this.completions[this.completion] : this.entry.value;
    this.model.send({
      kind: "input", number: this.number, text: what.text ?? text,
      left_out: [...this.leftOut], chosen: [...this.chosen], face_id: this.focused?.dataset.face, ...what,
    });
    this.sentText = this.entry.value;
    if (!what.values) {
      this.pending = true;
      this.entry.value = "";
    }
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => {
      this.pending = false;
      this.root.classList.add("fb-waiting");
      this.tell("The kernel is busy or gone. Every decision shown as done is stored.", "hint");
    }, 4000);
  }

  // --- drawing

  draw() {
    const screen = this.screen;
    const hadFocus = this.root.contains(document.activeElement);
    if (screen.subject !== this.subject) {
      this.leftOut.clear();
      this.chosen.clear();
      this.subject = screen.subject;
      this.parts.sheets.scrollTop = 0;
      this.entry.value = this.typedAhead || screen.entry?.text || "";
    } else this.entry.value = screen.entry?.meant || this.sentText + this.typedAhead;
    this.sentText = this.typedAhead = "";
    this.completion = -1;
    this.focused = null;
    this.root.setAttribute("aria-label", screen.title);
    this.root.dataset.view = screen.view;
    this.parts.tabs.hidden = !screen.tabs.length;
    this.parts.tabs.replaceChildren(...screen.tabs.map((tab) => h("button", {
      class: "fb-tab", type: "button", "aria-current": tab.is_chosen ? "page" : null, "aria-keyshortcuts": tab.key,
      title: tab.key, onclick: () => this.act(tab.name),
    }, tab.label)));
    this.parts.head.replaceChildren(this.heading(screen), this.progress(screen));
    this.sliders(screen.sliders);
    this.parts.sheets.className = `fb-sheets${screen.side_by_side ? " fb-pair" : ""}`;
    this.parts.sheets.replaceChildren(
      ...(screen.photo ? [this.whole(screen)] : screen.sheets.map((sheet) => this.sheet(sheet))),
    );
    if (!screen.photo && !screen.sheets.length && screen.empty) {
      this.parts.sheets.append(h("p", { class: "fb-empty" }, screen.empty));
    }
    this.answer.hidden = !screen.entry;
    if (screen.entry) {
      this.entry.placeholder = screen.entry.placeholder;
      this.entry.setAttribute("aria-label", screen.entry.label);
    }
    this.choices(true);
    this.parts.actions.replaceChildren(...screen.actions.map((action) => this.button(action)));
    this.list(this.parts.list, screen.list_title, screen.rows, "choose");
    this.list(this.parts.history, screen.history.length ? "History" : "", screen.history, "history");
    if (screen.notice) this.tell(screen.notice.text, screen.notice.kind);
    else this.tell("", "hint");
    const sliding = document.activeElement?.matches?.("input[type=range]") && hadFocus;
    if (!sliding && (hadFocus || this.mayTakeFocus())) this.rest();
  }

  heading(screen) {
    return h("div", { class: "fb-heading" }, h("h3", {}, screen.title),
      h("ul", { class: "fb-facts" }, screen.facts.map((fact) => h("li", {}, fact))));
  }

  progress(screen) {
    if (!screen.progress) return h("div", { class: "fb-progress" });
    const percent = Math.round(100 * screen.progress.share);
    return h("div", { class: "fb-progress" }, h("span", {}, screen.progress.text),
      h("div", { class: "fb-bar", role: "progressbar", "aria-label": "Progress", "aria-valuenow": percent,
        "aria-valuemin": 0, "aria-valuemax": 100 }, h("div", { style: `width:${percent}%` })));
  }

  sheet(sheet) {
    const count = sheet.pages > 1 ? `page ${sheet.page} of ${sheet.pages}` : "";
    const tiles = h("div", {
      class: "fb-tiles", role: sheet.is_selectable ? "listbox" : "list", "aria-label": sheet.title,
      "aria-multiselectable": sheet.is_selectable ? "true" : null,
    }, sheet.tiles.map((tile, place) => this.tile(tile, sheet, place)));
    if (sheet.is_selectable) this.rubberBand(tiles, sheet);
    return h("section", { class: `fb-sheet${sheet.is_selectable ? "" : " fb-small"}` },
      h("div", { class: "fb-sheet-head" }, h("h4", {}, sheet.title),
        h("span", {}, [sheet.detail, count].filter(Boolean).join(" · "))), tiles);
  }

  tile(tile, sheet, place) {
    const url = this.pictures.get(tile.face_id);
    const image = h("img", { alt: "", "data-face": tile.face_id, draggable: "false", src: url });
    const node = h("div", {
      class: "fb-tile", "data-face": tile.face_id, title: tile.label, "aria-label": tile.label,
      role: sheet.is_selectable ? "option" : "listitem",
      tabindex: sheet.is_selectable ? (place === 0 ? "0" : "-1") : null,
      onfocus: () => { this.focused = node; },
      ondblclick: () => this.act("photo", { face_id: tile.face_id }),
    }, image, tile.badge && h("span", { class: "fb-badge" }, tile.badge));
    if (sheet.is_selectable) this.mark(node, sheet);
    return node;
  }

  isSelected(id, sheet) {
    return sheet.starts_selected ? !this.leftOut.has(id) : this.chosen.has(id);
  }

  mark(node, sheet) {
    const selected = this.isSelected(node.dataset.face, sheet);
    node.setAttribute("aria-selected", String(selected));
    node.classList.toggle("fb-out", sheet.starts_selected && !selected);
    node.classList.toggle("fb-in", !sheet.starts_selected && selected);
  }

  select(node, sheet, selected) {
    const set = sheet.starts_selected ? this.leftOut : this.chosen;
    if (selected !== sheet.starts_selected) set.add(node.dataset.face);
    else set.delete(node.dataset.face);
    this.mark(node, sheet);
  }

  rubberBand(tiles, sheet) {
    tiles.faceSheet = sheet;
    tiles.addEventListener("pointerdown", (down) => {
      if (down.button !== 0) return;
      const start = { x: down.clientX, y: down.clientY };
      const wanted = down.target.closest(".fb-tile");
      const adds = down.shiftKey === sheet.starts_selected; // a plain drag takes faces out of a full sheet, into an empty one
      const touched = new Map();
      let band = null;
      const move = (event) => {
        const box = { left: Math.min(start.x, event.clientX), right: Math.max(start.x, event.clientX),
          top: Math.min(start.y, event.clientY), bottom: Math.max(start.y, event.clientY) };
        if (!band && box.right - box.left + box.bottom - box.top < 8) return;
        band ??= this.root.appendChild(h("div", { class: "fb-band" }));
        const origin = this.root.getBoundingClientRect();
        Object.assign(band.style, { left: `${box.left - origin.left}px`, top: `${box.top - origin.top}px`,
          width: `${box.right - box.left}px`, height: `${box.bottom - box.top}px` });
        for (const node of tiles.children) {
          const at = node.getBoundingClientRect();
          const inside = at.left < box.right && at.right > box.left && at.top < box.bottom && at.bottom > box.top;
          if (inside && !touched.has(node)) {
            touched.set(node, this.isSelected(node.dataset.face, sheet));
            this.select(node, sheet, adds);
          } else if (!inside && touched.has(node)) {
            this.select(node, sheet, touched.get(node));
            touched.delete(node);
          }
        }
      };
      const up = () => {
        window.removeEventListener("pointermove", move);
        window.removeEventListener("pointerup", up);
        if (band) band.remove();
        else if (wanted) this.select(wanted, sheet, !this.isSelected(wanted.dataset.face, sheet));
        this.rest();
      };
      window.addEventListener("pointermove", move);
      window.addEventListener("pointerup", up);
      down.preventDefault();
    });
  }

  whole(screen) {
    const boxes = screen.photo.map((box) => h("div", {
      class: `fb-box${box.is_asked ? " fb-asked" : ""}`,
      style: `left:${100 * box.x}%;top:${100 * box.y}%;width:${100 * box.w}%;height:${100 * box.h}%`,
    }, (box.name || box.is_asked) && h("span", {}, box.name || "this face")));
    return h("figure", { class: "fb-photo" }, h("img", { src: this.photo, alt: `Photo ${screen.title}` }), boxes);
  }

  // A slider that is being dragged must stay: only what it says changes.
  sliders(sliders) {
    const shown = [...this.parts.question.querySelectorAll("input")];
    if (shown.length && shown.length === sliders.length) {
      sliders.forEach((slider, place) => {
        if (shown[place] !== document.activeElement) shown[place].value = slider.value;
        shown[place].nextSibling.textContent = slider.shown;
      });
    } else this.parts.question.replaceChildren(...sliders.map((slider) => this.slider(slider)));
  }

  slider(slider) {
    const out = h("output", {}, slider.shown);
    const input = h("input", {
      type: "range", min: slider.low, max: slider.high, step: slider.step, value: slider.value,
      "aria-label": slider.label, "data-slider": slider.name,
      oninput: () => {
        out.textContent = input.value;
        clearTimeout(this.sliding);
        this.sliding = setTimeout(() => this.report({ action: "slide", values: this.values() }), 120);
      },
    });
    return h("label", { class: "fb-slider" }, h("span", {}, slider.label), input, out);
  }

  values() {
    const inputs = [...this.root.querySelectorAll("input[data-slider]")];
    return Object.fromEntries(inputs.map((input) => [input.dataset.slider, Number(input.value)]));
  }

  button(action) {
    const first = action.keys[0];
    const key = first && (KEY_NAMES[first] ?? (this.screen.entry && /^[a-z]$/.test(first) ? `Alt ${first.toUpperCase()}` : first));
    return h("button", {
      class: `fb-button${action.is_main ? " fb-main-button" : ""}`, type: "button", disabled: !action.is_enabled,
      "data-action": action.name, "aria-keyshortcuts": action.keys.join(" ") || null,
      onclick: () => { this.act(action.name); this.rest(); },
    }, action.label, key && h("kbd", {}, key));
  }

  list(part, title, rows, action) {
    const at = part.querySelector("ul")?.scrollTop ?? 0;
    part.hidden = !title;
    const items = rows.map((row) => h("li", { class: row.is_chosen ? "fb-chosen" : "", "aria-current": row.is_chosen ? "true" : null },
      action === "choose"
        ? h("button", { class: "fb-row", type: "button", onclick: () => this.report({ action, row: row.id }) },
            h("span", {}, row.text), h("small", {}, row.detail))
        : h("div", { class: "fb-row" }, h(row.is_struck ? "s" : "span", {}, row.text), h("small", {}, row.detail),
            row.button && h("button", { class: "fb-button", type: "button",
              onclick: () => this.report({ action, row: row.id }) }, row.button))));
    const body = h("ul", {}, items);
    part.replaceChildren(h("h4", {}, title), body);
    body.scrollTop = at;
    body.querySelector(".fb-chosen")?.scrollIntoView?.({ block: "nearest" });
  }

  // Under the entry: suggestions while it is empty, completions while something is typed.
  choices(isFresh = false) {
    const screen = this.screen;
    const typed = fold(this.entry.value);
    this.completions = [];
    this.entry.setAttribute("aria-expanded", String(Boolean(typed)));
    if (!screen.entry) return this.parts.choices.replaceChildren();
    if (!typed || !screen.entry.completes) {
      return this.parts.choices.replaceChildren(...screen.suggestions.map((item) => h("button", {
        class: `fb-choice${item.is_likely ? " fb-likely" : ""}`, type: "button",
        "aria-label": `${item.name}, similarity ${item.detail}`, onclick: () => { this.act(item.action); this.rest(); },
      }, h("kbd", {}, item.is_likely ? "⏎" : item.key), item.name, h("small", {}, item.detail))));
    }
    const starts = this.names.filter((n) => n.folded.startsWith(typed));
    const words = this.names.filter((n) => !n.folded.startsWith(typed) && n.folded.split(/\s+/).some((w) => w.startsWith(typed)));
    this.completions = [...starts, ...words].slice(0, 6).map((n) => n.name);
    if (this.completion >= this.completions.length) this.completion = -1;
    const isNew = !this.names.some((n) => n.folded === typed);
    if (isFresh && isNew && this.completions.length) this.completion = 0; // what is shown first is what Enter takes
    const { verb, as_typed: asTyped } = screen.entry;
    this.parts.choices.replaceChildren(
      ...this.completions.map((name, place) => h("button", {
        class: `fb-choice${place === this.completion ? " fb-likely" : ""}`, type: "button",
        onclick: () => { this.report({ action: screen.entry.action, text: name }); this.rest(); },
      }, place === this.completion && h("kbd", {}, "⏎"), place === this.completion && verb ? `${verb} ${name}` : name)),
      isNew && asTyped ? h("span", { class: "fb-new" }, `${this.completion < 0 ? "⏎" : "⇧⏎"} new person`) : "",
    );
  }

  tell(text, kind) {
    const sign = { done: "✓", problem: "!", hint: "" }[kind];
    this.parts.notice.className = `fb-notice fb-${kind}`;
    this.parts.notice.replaceChildren(text && sign ? h("b", { "aria-hidden": "true" }, sign) : "", text);
  }

  // --- keys

  mayTakeFocus() {
    if (this.wasFocused) return false;
    this.wasFocused = true;
    const active = document.activeElement;
    const isFree = this.screen.view === "labeler" && !active?.closest(".fb-root, input, textarea, .jp-Cell.jp-mod-editMode");
    if (isFree) this.root.scrollIntoView({ block: "end" }); // never a field that nobody sees
    return isFree;
  }

  rest() {
    if (this.screen.entry) this.entry.focus({ preventScroll: true });
    else this.root.focus({ preventScroll: true });
  }

  typed() {
    this.completion = -1;
    this.choices(true);
  }

  act(name, more = {}) {
    if (!this.pending) this.report({ action: name, ...more });
  }

  keydown(event) {
    if (!this.screen || event.isComposing) return;
    const target = event.target;
    const typing = target === this.entry;
    if (target.matches("input[type=range]") || (target.matches("button") && ["Enter", " "].includes(event.key))) return;
    const letter = /^Key([A-Z])$/.exec(event.code)?.[1].toLowerCase();
    const digit = /^Digit(\d)$/.exec(event.code)?.[1];
    if (typing && this.entryKey(event)) return event.preventDefault();
    if (target.classList.contains("fb-tile") && this.tileKey(event)) return event.preventDefault();
    const isMeta = event.ctrlKey || event.metaKey;
    let key = event.key;
    if (isMeta) key = `Ctrl+${event.shiftKey ? "Shift+" : ""}${event.key.toLowerCase()}`;
    else if (event.altKey && (letter || digit)) key = letter ?? `Alt+${digit}`;
    else if (typing && this.entry.value) key = ["Enter", "PageDown", "PageUp"].includes(key) ? key : "";
    else if (typing && /^[^\d]$/.test(key)) key = ""; // the first letter of a name
    if (isMeta && typing && this.entry.value) return; // undo of the typing itself
    if (this.pending && this.means(key)) return event.preventDefault();
    if (typing && key === "Enter" && event.shiftKey && this.entry.value && this.screen.entry.as_typed) {
      event.preventDefault();
      return this.act(this.screen.entry.as_typed, { text: this.entry.value });
    }
    if (!typing && this.screen.entry && event.key.length === 1 && !isMeta && !event.altKey && !/^[\d ]$/.test(key)) {
      return this.entry.focus(); // wherever one is, letters type a name
    }
    if (!this.means(key)) return;
    event.preventDefault();
    event.stopPropagation();
    this.report({ key });
  }

  means(key) {
    const { screen } = this;
    return key && ((key === "Enter" && screen.entry) || screen.tabs.some((tab) => tab.key === key) || screen.suggestions.some((item) => item.key === key) ||
      screen.actions.some((action) => action.is_enabled && action.keys.includes(key)));
  }

  entryKey(event) {
    const count = this.completions.length;
    if (event.key === "Tab" && !event.shiftKey && count) {
      this.entry.value = this.completions[Math.max(0, this.completion)];
      this.typed();
      return true;
    }
    if (["ArrowDown", "ArrowUp"].includes(event.key)) {
      const step = event.key === "ArrowDown" ? 1 : -1;
      if (count) this.completion = ((this.completion + step + 1 + count + 1) % (count + 1)) - 1;
      else this.root.querySelector('.fb-tile[tabindex="0"]')?.focus();
      if (count) this.choices();
      return true;
    }
    if (event.key === "Escape" && this.entry.value) {
      this.entry.value = "";
      this.typed();
      return true;
    }
    return false;
  }

  tileKey(event) {
    const tiles = [...event.target.parentElement.children];
    const sheet = event.target.parentElement.faceSheet;
    const place = tiles.indexOf(event.target);
    const top = event.target.offsetTop;
    const row = tiles.filter((tile) => tile.offsetTop === tiles[0].offsetTop).length;
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: row, ArrowUp: -row }[event.key];
    if (step) {
      const next = tiles[place + step];
      if (next) {
        event.target.tabIndex = -1;
        next.tabIndex = 0;
        next.focus();
      } else if (event.key === "ArrowUp" || (event.key === "ArrowDown" && top === tiles.at(-1).offsetTop)) this.rest();
      return true;
    }
    if (event.key === " ") {
      this.select(event.target, sheet, !this.isSelected(event.target.dataset.face, sheet));
      return true;
    }
    if (event.key === "Enter" || event.key === "Escape") {
      this.rest();
      return true;
    }
    return false;
  }
}

export default {
  render({ model, el }) {
    const bench = new Bench(model, el);
    return () => bench.close();
  },
};
