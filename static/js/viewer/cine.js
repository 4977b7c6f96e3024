/* Plays a clip or a series in a loop. A frame that is not there yet is waited for, not skipped. */

import { speed } from "./geometry.js";

export class Cine {
  #timer = 0;

  constructor({ changed }) {
    this.changed = changed;
  }

  get playing() {
    return this.#timer !== 0;
  }

  toggle(pane) {
    if (this.playing) this.stop();
    else this.play(pane);
  }

  play(pane) {
    if (!pane?.image || pane.count < 2) return;
    const gap = 1000 / speed(pane.image.dataset);
    this.#timer = setInterval(() => this.#tick(pane), gap);
    this.changed(true);
  }

  stop() {
    clearInterval(this.#timer);
    this.#timer = 0;
    this.changed(false);
  }

  #tick(pane) {
    if (!pane.image || pane.message.hidden === false) return this.stop();
    const next = (pane.wanted + 1) % pane.count;
    if (pane.image.id === pane.stack.ids[pane.wanted]) pane.goTo(next);
    return undefined;
  }
}
