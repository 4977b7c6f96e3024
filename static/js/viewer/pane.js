/* One image area: a Cornerstone viewport, its words, its slider and its messages. */

import { cache, Enums, eventTarget, imageLoader, getShouldUseCPURendering, utilities } from "@cornerstonejs/core";
import { make, icon } from "./page.js";
import { Overlays } from "./overlays.js";
import { imageOf } from "./stack.js";
import { windowFor } from "./loaders.js";
import { windowOf } from "./geometry.js";
import { documentPanel } from "./report.js";
import { EndedError } from "./share.js";
import { axes, fit, lay, lie, mirror, STRAIGHT, turned } from "./turning.js";

const { Events } = Enums;
const { toLowHighRange, toWindowLevel } = utilities.windowLevel;
const SETTLE = 250;

export class Pane extends EventTarget {
  constructor({ page, engine, element, index }) {
    super();
    Object.assign(this, { page, engine, element, index, stack: null, image: null, wanted: 0 });
    this.id = `pane-${index}`;
    this.#build();
    this.#listen();
  }

  get viewport() {
    return this.engine.getViewport(this.id);
  }

  get count() {
    return this.stack?.images.length ?? 0;
  }

  #build() {
    this.canvas = make("div", { class: "vw-canvas" });
    this.message = make("div", { class: "vw-message", hidden: true });
    this.slider = make("input", { class: "vw-slider", type: "range", min: 1, max: 1, step: 1, value: 1, hidden: true, "aria-label": `Image in area ${this.index + 1}` });
    this.progress = make("progress", { class: "vw-progress", max: 1, value: 0, hidden: true, "aria-label": "Images loaded" });
    this.element.append(this.canvas);
    this.overlays = new Overlays(this.element);
    this.element.append(this.slider, this.progress, this.message);
    this.engine.enableElement({ viewportId: this.id, type: Enums.ViewportType.STACK, element: this.canvas, defaultOptions: { background: [0, 0, 0] } });
  }

  #listen() {
    this.canvas.addEventListener(Events.STACK_NEW_IMAGE, ({ detail }) => this.#arrived(detail.image));
    this.canvas.addEventListener(Events.IMAGE_RENDERED, () => this.#drawn());
    this.canvas.addEventListener(Events.VOI_MODIFIED, () => this.#contrastChanged());
    this.canvas.addEventListener(Events.STACK_VIEWPORT_SCROLL, ({ detail }) => this.#heading(detail.newImageIdIndex));
    this.failed = ({ detail }) => this.#couldNot(detail);
    eventTarget.addEventListener(Events.IMAGE_LOAD_ERROR, this.failed);
    this.slider.addEventListener("input", () => this.goTo(Number(this.slider.value) - 1));
    this.canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    this.canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  }

  /** Put a series on the screen, at the given image of it. */
  async show(stack, at = 0) {
    this.#straighten();
    this.clear();
    Object.assign(this, { stack, wanted: at, chosen: null, fit: null });
    Object.assign(this.element.dataset, { series: stack.series.uid, images: this.count, state: "loading" });
    if (!this.count) return this.#document();
    this.#sizeSlider();
    await this.#attempt(this.viewport.setStack(stack.ids, at));
    this.dispatchEvent(new Event("opened"));
  }

  clear() {
    this.message.hidden = true;
    this.image = null;
    this.overlays.clear();
    for (const name of ["instance", "image", "frame", "window"]) delete this.element.dataset[name];
  }

  #document() {
    this.slider.hidden = true;
    this.progress.hidden = true;
    this.#hideFirst();
    this.message.replaceChildren(documentPanel(this.stack, this.page));
    this.message.hidden = false;
    this.element.dataset.state = "document";
    this.dispatchEvent(new Event("opened"));
  }

  #sizeSlider() {
    this.slider.max = this.count;
    this.slider.hidden = this.count < 2;
    this.slider.value = this.wanted + 1;
  }

  step(delta) {
    this.goTo(this.wanted + delta);
  }

  goTo(index) {
    if (!this.count) return;
    const next = Math.max(0, Math.min(this.count - 1, index));
    if (next === this.wanted && this.image) return;
    this.#heading(next);
    this.#attempt(this.viewport.setImageIdIndex(next));
  }

  #heading(next) {
    this.direction = next >= this.wanted ? 1 : -1;
    this.wanted = next;
    this.slider.value = next + 1;
    this.element.toggleAttribute("data-waiting", !cache.isLoaded(this.stack.ids[next]));
  }

  #wheel(event) {
    event.preventDefault();
    this.turned = (this.turned ?? 0) + event.deltaY * (event.deltaMode === 1 ? 40 : 1);
    const steps = Math.trunc(this.turned / 40);
    if (!steps) return;
    this.turned = 0;
    this.step(Math.sign(steps) * Math.min(Math.abs(steps), 3));
  }

  async #attempt(work) {
    try {
      await work;
    } catch (error) {
      if (!silent(error)) this.#say(error);
    }
  }

  #couldNot({ imageId, error }) {
    if (this.stack && imageId === this.stack.ids[this.wanted] && !silent(error)) this.#say(error);
  }

  /* The picture of before must not stay under the number of the one that failed. */
  #say(error) {
    this.#hideFirst();
    this.overlays.clear();
    const retry = make("button", { class: "vw-button", type: "button" }, "Try again");
    retry.addEventListener("click", () => this.#retry());
    this.message.replaceChildren(icon("document"), make("p", {}, `Image ${this.wanted + 1} of ${this.count} can't be shown. ${why(error)}`), retry);
    this.message.hidden = false;
    this.element.removeAttribute("data-waiting");
    Object.assign(this.element.dataset, { state: "error", image: this.wanted + 1 });
  }

  async #retry() {
    const { stack, wanted } = this;
    await this.show(stack, wanted);
  }

  #arrived(image) {
    const found = imageOf(image.imageId);
    if (!found || found.stack !== this.stack) return;
    this.image = found;
    this.message.hidden = true;
    this.wanted = this.stack.ids.indexOf(image.imageId);
    this.slider.value = this.wanted + 1;
    this.element.removeAttribute("data-waiting");
    queueMicrotask(() => this.#contrastFor(image));
    this.dispatchEvent(new Event("moved"));
  }

  /* Each image comes in its own window until the reader chooses one; that one then stays.
     Set anew for every image, since plain drawing otherwise reports a window it does not use. */
  #contrastFor(image) {
    if (image.color) return;
    const { center, width } = this.chosen ?? { center: image.windowCenter, width: image.windowWidth };
    this.viewport.setProperties({ voiRange: toLowHighRange(width, center) }, true);
  }

  #drawn() {
    if (!this.image || !this.message.hidden) return;
    this.#hideFirst();
    const view = this.view();
    this.overlays.show(this.image, view);
    const { instance, frame } = this.image;
    const window = view.window ? `${view.window.center.toFixed(1)},${view.window.width.toFixed(1)}` : "";
    Object.assign(this.element.dataset, { state: "ready", image: view.index + 1, instance, frame, window, zoom: view.zoom.toFixed(3) });
  }

  #hideFirst() {
    this.element.querySelector(".vw-first")?.remove();
  }

  view() {
    const zoom = this.viewport.getZoom();
    this.fit ??= zoom;
    const index = this.stack.ids.indexOf(this.image.id);
    const inverted = Boolean(this.viewport.getProperties().invert);
    return { window: this.#window(), zoom: zoom / this.fit, index, count: this.count, inverted, axes: axes(this.viewport), ...lie(this.viewport) };
  }

  #window() {
    const { voiRange } = this.viewport.getProperties();
    if (!voiRange || this.viewport.getCornerstoneImage()?.color) return null;
    const { windowCenter, windowWidth } = toWindowLevel(voiRange.lower, voiRange.upper);
    return { center: windowCenter, width: windowWidth };
  }

  setWindow({ center, width }) {
    if (!this.image) return;
    this.viewport.setProperties({ voiRange: toLowHighRange(width, center) });
    this.viewport.render();
  }

  /** Whether all of the image is in sight, neither zoomed nor moved. */
  isWhole() {
    if (!this.image || !this.fit) return false;
    const [x, y] = this.viewport.getPan();
    return Math.abs(this.viewport.getZoom() / this.fit - 1) < 0.01 && Math.hypot(x, y) < 2;
  }

  fitAgain(wanted = lie(this.viewport)) {
    fit(this.viewport, wanted);
    this.fit = null;
    this.viewport.render();
  }

  turn(degrees) {
    if (this.image) this.#lay(turned(lie(this.viewport), degrees));
  }

  mirror() {
    if (this.image) this.#lay(mirror(lie(this.viewport)));
  }

  /* What was wholly in sight stays so; what was zoomed keeps its size. */
  #lay(wanted) {
    if (this.isWhole()) return this.fitAgain(wanted);
    lay(this.viewport, wanted);
    this.viewport.render();
  }

  /* The next series begins as it was made, however this one was turned. */
  #straighten() {
    if (this.image) lay(this.viewport, STRAIGHT);
  }

  /** An empty area says how it is filled. */
  invite() {
    this.message.replaceChildren(make("p", {}, "Drag a series here, or click here and choose one from the list."));
    this.message.hidden = false;
  }

  invert() {
    if (!this.image) return;
    this.viewport.setProperties({ invert: !this.viewport.getProperties().invert });
    this.viewport.render();
  }

  reset() {
    if (!this.image) return;
    this.viewport.resetProperties();
    fit(this.viewport, STRAIGHT);
    this.#ownContrast();
    Object.assign(this, { chosen: null, fit: null });
    this.viewport.render();
  }

  #ownContrast() {
    const own = this.image.scheme === "rendered" ? windowOf(this.image.dataset, this.image.frame) : null;
    if (own) this.setWindow(own);
    else this.#contrastFor(Object.assign(this, { chosen: null }).viewport.getCornerstoneImage());
  }

  /* Dragging changes the greys at hand at once; the server's picture for that window follows. */
  #contrastChanged() {
    clearTimeout(this.settling);
    if (this.image) this.chosen = this.#window();
    if (this.image?.scheme !== "rendered" || !windowFor(this.image)) return;
    this.settling = setTimeout(() => this.#renderAgain(), SETTLE);
  }

  async #renderAgain() {
    const { stack, image } = this;
    const { window } = this.view();
    const had = windowFor(image);
    if (!window || same(window, had)) return;
    stack.window = { center: Math.round(window.center * 10) / 10, width: Math.max(1, Math.round(window.width * 10) / 10) };
    for (const id of stack.ids) if (cache.getImageLoadObject(id)) cache.removeImageLoadObject(id, { force: true });
    await this.#attempt(this.#replace(stack, image, window));
  }

  async #replace(stack, image, window) {
    const options = { useRGBA: getShouldUseCPURendering(), requestType: "interaction" };
    const fresh = await imageLoader.loadAndCacheImage(image.id, options);
    if (this.image !== image || this.stack !== stack) return;
    this.viewport.renderImageObject(fresh);
    this.viewport.setProperties({ voiRange: toLowHighRange(window.width, window.center) }, true);
    this.viewport.render();
    this.element.dataset.rendered = `${stack.window.center},${stack.window.width}`;
    this.dispatchEvent(new Event("moved"));
  }

  report(done, all) {
    this.element.dataset.loaded = done;
    Object.assign(this.progress, { max: all, value: done });
    this.progress.hidden = done >= all;
  }

  destroy() {
    clearTimeout(this.settling);
    eventTarget.removeEventListener(Events.IMAGE_LOAD_ERROR, this.failed);
    this.engine.disableElement(this.id);
    this.element.remove();
  }
}

function same(a, b) {
  return Math.abs(a.center - b.center) < 0.6 && Math.abs(a.width - b.width) < 0.6;
}

function silent(error) {
  return error instanceof EndedError || error?.name === "AbortError";
}

function why(error) {
  if (error?.problem && error.status !== 404) return error.problem;
  if (error?.status === 404) return "The server does not have it for you. Reload the page, or ask the sender.";
  if (error?.status >= 500) return "The server could not draw it: the file may be damaged. Try again, or ask the sender.";
  if (error?.status) return "The server refused it. Reload the page, or ask the sender.";
  return "The connection was lost or the file is damaged. Check the network and try again.";
}
