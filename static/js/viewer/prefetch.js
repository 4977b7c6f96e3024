/* Fetches the rest of a series from where the reader is outward, first in the direction of reading. */

import { cache, getShouldUseCPURendering, imageLoader } from "@cornerstonejs/core";
import { outward } from "./order.js";

const AT_ONCE = 3;
const KEEP_FREE = 48 * 1024 * 1024;

export class Prefetch {
  #run = 0;

  constructor({ report }) {
    this.report = report;
  }

  /** Start again around `index`; the run before this one stops by itself. */
  start(stack, index, direction = 1) {
    const run = ++this.#run;
    const queue = outward(stack.ids.length, index, direction).map((at) => stack.ids[at]);
    const waiting = queue.filter((id) => !cache.isLoaded(id));
    this.report(stack.ids.length - waiting.length, stack.ids.length);
    for (let lane = 0; lane < AT_ONCE; lane += 1) this.#lane(run, stack, waiting);
  }

  stop() {
    this.#run += 1;
  }

  async #lane(run, stack, waiting) {
    while (run === this.#run && waiting.length && cache.getBytesAvailable() > KEEP_FREE) {
      await load(waiting.shift());
      if (run === this.#run) this.report(loaded(stack), stack.ids.length);
    }
  }
}

export function loaded(stack) {
  return stack.ids.reduce((count, id) => count + (cache.isLoaded(id) ? 1 : 0), 0);
}

/* A frame that can't be had ahead of time says so when it is looked at, not before. */
async function load(id) {
  try {
    await imageLoader.loadAndCacheImage(id, { requestType: "prefetch", priority: 0, useRGBA: getShouldUseCPURendering() });
  } catch {
    return false;
  }
  return true;
}
