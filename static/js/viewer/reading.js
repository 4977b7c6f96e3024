/* The reading desk: image areas, the series in them, and what is fetched ahead. */

import { cache, init as startCore, RenderingEngine, setUseCPURendering, getRenderingCapabilities, metaData, eventTarget } from "@cornerstonejs/core";
import { init as startLoader } from "@cornerstonejs/dicom-image-loader";
import { forget, imageOf, openStack } from "./stack.js";
import { registerLoaders } from "./loaders.js";
import { Cine } from "./cine.js";
import { make, say } from "./page.js";
import { Pane } from "./pane.js";
import { Prefetch } from "./prefetch.js";
import { provider } from "./modules.js";
import { drawWithinPolicy, Tools } from "./tools.js";
import { follow } from "./together.js";
import { EndedError } from "./share.js";

const ENGINE = "reading";
const SIZES = { "1x1": 1, "1x2": 2, "2x2": 4 };
const MEGABYTE = 1024 * 1024;

export async function openReading(page, share) {
  drawWithinPolicy();
  startCore();
  setUseCPURendering(!realGraphics());
  startLoader({ maxWebWorkers: Math.max(1, Math.min(4, (navigator.hardwareConcurrency ?? 2) - 1)) });
  metaData.addProvider(provider(imageOf), 10000);
  registerLoaders(share);
  cache.setMaxCacheSize((matchMedia("(max-width: 700px)").matches ? 192 : 640) * MEGABYTE);
  return new Reading(page, share);
}

/* WebGL that a processor only pretends to have is slower than plain drawing. */
function realGraphics() {
  const { webgl, softwareRasterizer } = getRenderingCapabilities();
  return webgl && !softwareRasterizer;
}

export class Reading extends EventTarget {
  #stacks = new Map();

  constructor(page, share) {
    super();
    Object.assign(this, { page, share, panes: [], active: null, together: false });
    this.engine = new RenderingEngine(ENGINE);
    this.tools = new Tools(ENGINE);
    this.tools.follow(eventTarget);
    this.cine = new Cine({ changed: (playing) => this.#tell("cine", { playing }) });
    this.prefetch = new Prefetch({ report: (done, all) => this.active?.report(done, all) });
    this.series = [...page.list.querySelectorAll("[data-series]")].map(seriesOf);
    this.#add(page.stage.querySelector(".vw-pane"));
    this.#watchSize();
  }

  #tell(name, detail = {}) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  /** Open what the page already shows as a plain picture. */
  async start() {
    const { first } = this.page;
    const series = this.series.find((one) => one.uid === this.active.element.dataset.series) ?? this.series[0];
    if (!series) return;
    await this.open(series, this.active, first);
  }

  async open(series, pane = this.active, at = null) {
    this.cine.stop();
    this.prefetch.stop();
    this.#leave(pane);
    pane.opening = series.uid;
    try {
      const stack = await this.#stack(series);
      if (pane.opening !== series.uid) return;
      const index = at ? stack.indexOf(at.instance, at.frame) : 0;
      await pane.show(stack, index);
      say(this.page, `${series.label}, ${stack.images.length} images`);
    } catch (error) {
      if (!(error instanceof EndedError)) this.#couldNotOpen(pane, series);
    }
  }

  async #stack(series) {
    if (!this.#stacks.has(series.uid)) {
      const opening = openStack({ share: this.share, page: this.page, series });
      this.#stacks.set(series.uid, opening);
      opening.catch(() => this.#stacks.delete(series.uid));
    }
    return this.#stacks.get(series.uid);
  }

  /* Frames of the series that leaves the screen need not arrive any more. */
  #leave(pane) {
    const { stack } = pane;
    const elsewhere = this.panes.some((other) => other !== pane && other.stack === stack);
    if (stack && !elsewhere) stack.cancel();
  }

  #couldNotOpen(pane, series) {
    pane.clear();
    pane.element.dataset.state = "error";
    const again = make("button", { class: "vw-button", type: "button" }, "Try again");
    again.addEventListener("click", () => this.open(series, pane));
    pane.message.replaceChildren(make("p", {}, `The series “${series.label}” could not be opened. Check the network and try again.`), again);
    pane.message.hidden = false;
  }

  layout(name) {
    const wanted = SIZES[name];
    this.page.stage.dataset.layout = name;
    while (this.panes.length > wanted) this.#remove(this.panes.at(-1));
    while (this.panes.length < wanted) this.#add(this.#newElement());
    this.#resize();
    this.#fill();
    this.#tell("layout", { name });
  }

  #newElement() {
    const index = this.panes.length;
    const element = make("section", { class: "vw-pane", "data-pane": index, "data-state": "empty", "aria-label": `Image area ${index + 1}` });
    this.page.stage.append(element);
    return element;
  }

  #add(element) {
    const pane = new Pane({ page: this.page, engine: this.engine, element, index: this.panes.length });
    this.panes.push(pane);
    this.tools.join(pane);
    element.addEventListener("pointerdown", () => this.activate(pane), { capture: true });
    element.addEventListener("dragover", (event) => event.preventDefault());
    element.addEventListener("drop", (event) => this.#dropped(event, pane));
    pane.addEventListener("moved", () => this.#moved(pane));
    pane.addEventListener("opened", () => this.#opened(pane));
    if (!this.active) this.activate(pane);
  }

  #remove(pane) {
    this.panes.splice(this.panes.indexOf(pane), 1);
    this.#leave(pane);
    this.tools.leave(pane);
    pane.destroy();
    if (this.active === pane) this.activate(this.panes[0]);
  }

  /* New areas take the series that follow, so that side by side is one click. */
  #fill() {
    const images = this.series.filter((series) => series.kind === "images");
    for (const pane of this.panes) {
      if (pane.stack || pane.opening) continue;
      const shown = new Set(this.panes.map((other) => other.opening ?? other.stack?.series.uid));
      const next = images.find((series) => !shown.has(series.uid));
      if (next) this.open(next, pane);
      else pane.invite();
    }
  }

  #dropped(event, pane) {
    event.preventDefault();
    const series = this.series.find((one) => one.uid === event.dataTransfer.getData("text/plain"));
    if (!series) return;
    this.activate(pane);
    this.open(series, pane);
  }

  activate(pane) {
    if (this.active === pane) return;
    this.cine.stop();
    this.active = pane;
    for (const other of this.panes) other.element.dataset.active = String(other === pane);
    this.#tell("active");
  }

  #opened(pane) {
    if (pane === this.active) this.#tell("active");
    if (pane.image) this.prefetch.start(pane.stack, pane.wanted, 1);
  }

  #moved(pane) {
    const delta = pane.wanted - (pane.before ?? pane.wanted);
    pane.before = pane.wanted;
    if (pane !== this.active) return;
    if (delta !== 0 && this.together) follow(pane, this.panes.filter((other) => other !== pane), delta);
    if (!this.cine.playing) this.prefetch.start(pane.stack, pane.wanted, pane.direction ?? 1);
    this.#tell("moved");
  }

  neighbour(step) {
    const at = this.series.findIndex((one) => one.uid === this.active.element.dataset.series);
    const next = this.series[at + step];
    if (next) this.open(next);
  }

  #watchSize() {
    const observer = new ResizeObserver(() => {
      cancelAnimationFrame(this.resizing);
      this.resizing = requestAnimationFrame(() => this.#resize());
    });
    observer.observe(this.page.stage);
  }

  #resize() {
    if (this.share.ended) return;
    const whole = this.panes.filter((pane) => pane.isWhole());
    this.engine.resize(true, true);
    for (const pane of whole) pane.fitAgain();
  }

  /** Nothing of the study may stay: not on the screen, not in memory. */
  close() {
    this.prefetch.stop();
    this.cine.stop();
    this.tools.clear();
    for (const pane of [...this.panes]) pane.destroy();
    this.panes = [];
    this.engine.destroy();
    cache.purgeCache();
    this.#stacks.clear();
    forget();
  }
}

function seriesOf(element) {
  const { series, kind, modality, images, label } = element.dataset;
  return { uid: series, kind, modality, label, count: Number(images) || 0, element };
}
