/* Toolbar, series list and keyboard: what a hand does, in terms of the reading desk. */

import { make, say } from "./page.js";
import { presetsFor } from "./presets.js";

const KEYS = {
  w: ["tool", "window"],
  s: ["tool", "scroll"],
  z: ["tool", "zoom"],
  p: ["tool", "pan"],
  l: ["tool", "length"],
  a: ["tool", "angle"],
  r: ["tool", "rectangle"],
  v: ["tool", "probe"],
  u: ["do", "undo"],
  Delete: ["do", "delete"],
  Backspace: ["do", "delete"],
  i: ["do", "invert"],
  ".": ["do", "right"],
  ",": ["do", "left"],
  f: ["do", "flip"],
  0: ["do", "reset"],
  1: ["layout", "1x1"],
  2: ["layout", "1x2"],
  4: ["layout", "2x2"],
  y: ["do", "sync"],
  t: ["do", "overlays"],
  "?": ["do", "help"],
  " ": ["do", "cine"],
};

const MOVES = {
  ArrowDown: (pane) => pane.step(1),
  ArrowRight: (pane) => pane.step(1),
  ArrowUp: (pane) => pane.step(-1),
  ArrowLeft: (pane) => pane.step(-1),
  PageDown: (pane) => pane.step(10),
  PageUp: (pane) => pane.step(-10),
  Home: (pane) => pane.goTo(0),
  End: (pane) => pane.goTo(pane.count - 1),
};

export class Controls {
  constructor(page, reading) {
    Object.assign(this, { page, reading });
    this.actions = this.#actions();
    this.#wire();
    this.#hands();
    this.#refresh();
  }

  #actions() {
    const { reading, page } = this;
    return {
      undo: () => reading.tools.undo() || say(page, "There is no measurement to take back"),
      delete: () => reading.tools.deleteSelected(),
      clear: () => reading.tools.clear(),
      invert: () => reading.active.invert(),
      right: () => reading.active.turn(90),
      left: () => reading.active.turn(-90),
      flip: () => reading.active.mirror(),
      reset: () => reading.active.reset(),
      cine: () => reading.cine.toggle(reading.active),
      sync: () => this.#together(),
      overlays: () => this.#overlays(),
      help: () => page.body.querySelector("#vw-help").showModal(),
      series: () => this.drawer(!page.body.hasAttribute("data-drawer")),
    };
  }

  #wire() {
    const { page, reading } = this;
    page.toolbar.addEventListener("click", (event) => this.#pressed(event));
    page.list.addEventListener("click", (event) => this.#picked(event));
    page.list.addEventListener("dragstart", (event) => this.#lifted(event));
    document.addEventListener("keydown", (event) => this.#key(event));
    document.addEventListener("click", (event) => this.#closeMenus(event));
    page.body.querySelector("[data-open-note]")?.addEventListener("click", () => this.#note());
    for (const name of ["active", "layout", "moved"]) reading.addEventListener(name, () => this.#refresh());
    reading.addEventListener("cine", ({ detail }) => this.#playing(detail.playing));
  }

  /* A finger on a phone mostly wants the next image; a mouse has a wheel for that. */
  #hands() {
    if (this.page.renderedOnly) this.page.toolbar.querySelector('[data-tool="probe"]').hidden = true;
    this.tool(matchMedia("(pointer: coarse)").matches ? "scroll" : "window");
  }

  #pressed(event) {
    const button = event.target.closest("button");
    if (!button) return;
    const { tool, do: action, layout } = button.dataset;
    if (tool) this.tool(tool);
    if (action) this.actions[action]();
    if (layout) this.reading.layout(layout);
    if (button.closest(".vw-sheet")) this.#closeMenus();
  }

  #closeMenus(event) {
    for (const menu of this.page.toolbar.querySelectorAll("details[open]")) {
      if (!event || !menu.contains(event.target)) menu.open = false;
    }
  }

  tool(name) {
    if (name === "probe" && this.page.renderedOnly) return;
    this.reading.tools.choose(name);
    for (const button of this.page.toolbar.querySelectorAll("[data-tool]")) {
      button.setAttribute("aria-pressed", String(button.dataset.tool === name));
    }
    this.page.stage.dataset.tool = name;
  }

  #picked(event) {
    const link = event.target.closest("[data-series]");
    if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    const series = this.reading.series.find((one) => one.element === link);
    this.drawer(false);
    this.reading.open(series);
    this.#mark(series.uid);
  }

  #lifted(event) {
    const link = event.target.closest("[data-series]");
    if (link) event.dataTransfer.setData("text/plain", link.dataset.series);
  }

  drawer(open) {
    this.page.body.toggleAttribute("data-drawer", open);
    this.page.toolbar.querySelector('[data-do="series"]').setAttribute("aria-expanded", String(open));
    if (open) this.page.list.querySelector("a")?.focus();
  }

  #note() {
    this.drawer(true);
    this.page.body.querySelector("#vw-note").focus();
  }

  #together() {
    this.reading.together = !this.reading.together;
    this.#press("sync", this.reading.together);
  }

  #overlays() {
    const hidden = this.page.stage.toggleAttribute("data-bare");
    this.#press("overlays", !hidden);
  }

  #press(action, on) {
    this.page.toolbar.querySelector(`[data-do="${action}"][aria-pressed]`).setAttribute("aria-pressed", String(on));
  }

  #playing(playing) {
    const button = this.page.toolbar.querySelector('[data-do="cine"]');
    button.setAttribute("aria-pressed", String(playing));
    button.setAttribute("aria-label", playing ? "Stop" : "Play");
    button.querySelector("use").setAttribute("href", playing ? "#i-stop" : "#i-play");
    button.querySelector("span").textContent = playing ? "Stop" : "Play";
  }

  #refresh() {
    const { active } = this.reading;
    if (!active) return;
    this.#mark(active.opening ?? active.stack?.series.uid);
    this.#presets(active.image);
    this.page.toolbar.querySelector('[data-do="cine"]').disabled = active.count < 2;
    for (const button of this.page.toolbar.querySelectorAll("[data-layout]")) {
      button.setAttribute("aria-pressed", String(button.dataset.layout === this.page.stage.dataset.layout));
    }
  }

  #mark(uid) {
    for (const { uid: own, element } of this.reading.series) {
      if (own === uid) element.setAttribute("aria-current", "true");
      else element.removeAttribute("aria-current");
    }
  }

  #presets(image) {
    const place = this.page.toolbar.querySelector("[data-presets]");
    const presets = presetsFor(image);
    const key = JSON.stringify(presets);
    if (place.dataset.shown === key) return;
    place.dataset.shown = key;
    place.replaceChildren(...presets.map((preset) => this.#preset(preset)));
  }

  #preset(preset) {
    const button = make("button", { type: "button" }, preset.name, make("small", {}, `${Math.round(preset.center)} / ${Math.round(preset.width)}`));
    button.addEventListener("click", () => this.reading.active.setWindow(preset));
    return button;
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || busy(event)) return;
    if (event.key === "Escape") return this.#escape();
    const move = MOVES[event.key];
    if (move && ownKeys(event.target)) return;
    if (!move && !this.#command(event)) return;
    if (move) move(this.reading.active);
    event.preventDefault();
  }

  #command(event) {
    const { key, target } = event;
    if (key === " " && target.closest?.("button, a, summary")) return false;
    if (key === "[" || key === "]") this.reading.neighbour(key === "[" ? -1 : 1);
    else if (KEYS[key] ?? KEYS[key.toLowerCase()]) this.#perform(KEYS[key] ?? KEYS[key.toLowerCase()]);
    else return false;
    return true;
  }

  #perform([kind, name]) {
    if (kind === "tool") this.tool(name);
    else if (kind === "layout") this.reading.layout(name);
    else this.actions[name]();
  }

  #escape() {
    this.drawer(false);
    this.#closeMenus();
  }
}

function busy({ target }) {
  return document.querySelector("dialog[open]") !== null || target.closest?.("input:not([type=range]), textarea, select") !== null;
}

/* The slider and a scrolling report use the arrow keys themselves. */
function ownKeys(target) {
  return target.closest?.("input[type=range], .vw-report, .vw-series") !== null;
}
