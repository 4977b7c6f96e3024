/*
 * The queue: four requests at a time, small files together in one, and one answer for each kind
 * of trouble. Knows nothing of HTTP, of pages or of the clock but what it is given.
 */
import { Trouble } from "./trouble.js";

const PARALLEL = 4;
const SMALL = 2 * 1024 * 1024;
const TOGETHER = { files: 16, bytes: 8 * 1024 * 1024 };
const DELAYS = [1, 2, 4, 8, 15, 30].map((seconds) => seconds * 1000);
/* One file that keeps failing while others pass is that file's fault. */
const TRIES = 6;

const isSmall = (each) => !each.alone && !each.url && each.item.size > 0 && each.item.size <= SMALL;

const job = (file) => ({ item: file.item, header: file.header, sent: 0, state: "waiting", tries: 0, problem: "" });

/** States: "sending", "paused", "offline", "busy", "signed-out", "cancelled", "done", "stuck". */
export class Transfer extends EventTarget {
  /**
   * @param {object[]} files {item, header}
   * @param {(jobs, {signal, progress}) => Promise<Map>} send resolves when the server has the jobs' files,
   *   but for those in the map, with their trouble; `progress` is told a job and its bytes
   */
  constructor(files, send, { delays = DELAYS } = {}) {
    super();
    this.jobs = files.map(job);
    this.send = send;
    this.delays = delays;
    this.state = "paused";
    this.active = new Map();
    this.failures = 0;
    this.from = 0;
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
      const next = this.next();
      if (!next.length) break;
      this.run(next);
    }
    if (this.state === "sending" && !this.active.size) this.become(this.failed.length ? "stuck" : "done");
  }

  /* What goes next in one request: a file by itself, or small ones that follow each other. */
  next() {
    const found = [];
    let bytes = 0;
    for (const each of this.waiting()) {
      bytes += each.item.size;
      if (found.length && (!isSmall(each) || bytes > TOGETHER.bytes)) break;
      found.push(each);
      if (!isSmall(each) || found.length === TOGETHER.files) break;
    }
    return found;
  }

  /* From the first that waits; those before it need not be looked at again. */
  *waiting() {
    this.from = Math.max(0, this.jobs.findIndex((each, at) => at >= this.from && each.state === "waiting"));
    for (let at = this.from; at < this.jobs.length; at += 1) {
      if (this.jobs[at].state === "waiting") yield this.jobs[at];
    }
  }

  async run(jobs) {
    const stop = new AbortController();
    for (const each of jobs) each.state = "sending";
    this.active.set(jobs, stop);
    const progress = (each, sent) => {
      each.sent = sent;
      this.tell();
    };
    try {
      const troubles = await this.send(jobs, { signal: stop.signal, progress });
      for (const each of jobs) this.settle(each, troubles?.get(each));
    } catch (error) {
      this.brokeOff(jobs, error);
    } finally {
      this.active.delete(jobs);
      this.fill();
    }
  }

  settle(each, trouble) {
    if (trouble) this.troubled(each, trouble);
    else this.arrived(each);
  }

  /* A request for several that is refused says nothing of any one: each is tried by itself. */
  brokeOff(jobs, error) {
    const [first, ...others] = jobs;
    for (const each of others) each.state = "waiting";
    if (others.length && ["refused", "busy"].includes(error.kind)) {
      for (const each of jobs) each.alone = true;
    }
    const unclear = others.length && error.kind === "refused";
    this.troubled(first, unclear ? new Trouble("again") : error);
  }

  arrived(each) {
    each.state = "done";
    this.failures = 0;
    this.tell();
  }

  troubled(each, error) {
    const kind = error instanceof Trouble ? error.kind : error.name === "AbortError" ? "stopped" : "connection";
    each.state = "waiting";
    this.from = 0;
    if (kind === "refused" || kind === "unreadable") this.fail(each, error.message);
    else if (kind === "signed-out") this.halt("signed-out");
    else if (kind === "again") each.alone = true;
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
    this.from = 0;
    this.start();
  }
}
