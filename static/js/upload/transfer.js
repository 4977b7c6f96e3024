/*
 * The queue: four files at a time, and one answer for each kind of trouble.
 * Knows nothing of tus, of pages or of the clock but what it is given.
 */
import { Trouble } from "./trouble.js";

const PARALLEL = 4;
const DELAYS = [1, 2, 4, 8, 15, 30].map((seconds) => seconds * 1000);
/* One file that keeps failing while others pass is that file's fault. */
const TRIES = 6;

const job = (file) => ({ item: file.item, header: file.header, sent: 0, state: "waiting", tries: 0, problem: "" });

/** States: "sending", "paused", "offline", "busy", "signed-out", "cancelled", "done", "stuck". */
export class Transfer extends EventTarget {
  /**
   * @param {object[]} files {item, header}
   * @param {(job, {signal, progress}) => Promise} send resolves when the server has the whole file
   */
  constructor(files, send, { delays = DELAYS } = {}) {
    super();
    this.jobs = files.map(job);
    this.send = send;
    this.delays = delays;
    this.state = "paused";
    this.active = new Map();
    this.failures = 0;
  }

  get total() {
    return this.jobs.reduce((sum, each) => sum + each.item.size, 0);
  }

  get sent() {
    return this.jobs.reduce((sum, each) => sum + (each.state === "done" ? each.item.size : each.sent), 0);
  }

  get done() {
    return this.jobs.filter((each) => each.state === "done").length;
  }

  get failed() {
    return this.jobs.filter((each) => each.state === "failed");
  }

  become(state) {
    this.state = state;
    this.tell();
  }

  tell() {
    this.dispatchEvent(new Event("change"));
  }

  start() {
    if (["cancelled", "done"].includes(this.state)) return;
    clearTimeout(this.timer);
    this.become("sending");
    this.fill();
  }

  fill() {
    while (this.state === "sending" && this.active.size < PARALLEL) {
      const next = this.jobs.find((each) => each.state === "waiting");
      if (!next) break;
      this.run(next);
    }
    if (this.state === "sending" && !this.active.size) this.become(this.failed.length ? "stuck" : "done");
  }

  async run(each) {
    const stop = new AbortController();
    each.state = "sending";
    this.active.set(each, stop);
    const progress = (sent) => {
      each.sent = sent;
      this.tell();
    };
    try {
      await this.send(each, { signal: stop.signal, progress });
      this.arrived(each);
    } catch (error) {
      this.troubled(each, error);
    } finally {
      this.active.delete(each);
      this.fill();
    }
  }

  arrived(each) {
    each.state = "done";
    this.failures = 0;
    this.tell();
  }

  troubled(each, error) {
    const kind = error instanceof Trouble ? error.kind : error.name === "AbortError" ? "stopped" : "connection";
    each.state = "waiting";
    if (kind === "refused" || kind === "unreadable") this.fail(each, error.message);
    else if (kind === "signed-out") this.halt("signed-out");
    else if (kind !== "stopped") this.retry(each, kind);
  }

  fail(each, problem) {
    Object.assign(each, { state: "failed", sent: 0, problem });
    this.tell();
  }

  retry(each, kind) {
    each.tries += kind === "busy" ? 1 : 0;
    if (each.tries >= TRIES) this.fail(each, "The server could not take it, however often it was tried.");
    else this.waitFor(kind === "busy" ? "busy" : "offline");
  }

  waitFor(state) {
    if (this.state !== "sending") return;
    this.become(state);
    this.stopActive();
    const delay = this.delays[Math.min(this.failures++, this.delays.length - 1)];
    this.timer = setTimeout(() => this.start(), delay);
  }

  halt(state) {
    if (["cancelled", "done"].includes(this.state)) return;
    clearTimeout(this.timer);
    this.become(state);
    this.stopActive();
  }

  stopActive() {
    for (const stop of this.active.values()) stop.abort();
  }

  pause() {
    this.halt("paused");
  }

  cancel() {
    this.halt("cancelled");
  }

  /** Tries once more what failed. */
  again() {
    for (const each of this.failed) Object.assign(each, { state: "waiting", tries: 0, problem: "" });
    this.start();
  }
}
