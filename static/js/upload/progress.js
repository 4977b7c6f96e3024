/* One honest bar: bytes that left this computer, files that arrived. */
import { Rate, size, timeLeft } from "./rate.js";
import { drawList } from "./tree.js";

const WORDS = {
  sending: "Sending",
  paused: "Paused",
  offline: "No connection. It will go on by itself.",
  busy: "The server is busy. It will go on by itself.",
  "signed-out": "Your sign-in has expired. Nothing is lost.",
  stuck: "Some files could not be sent.",
  done: "All sent. Checking that everything arrived …",
  cancelled: "Cancelled",
};

export class ProgressView {
  constructor(root, transfer) {
    this.root = root;
    this.transfer = transfer;
    this.rate = new Rate();
    this.part = (name) => root.querySelector(`[data-part="${name}"]`);
    transfer.addEventListener("change", () => this.soon());
    this.draw();
  }

  soon() {
    this.waiting ??= setTimeout(() => {
      this.waiting = null;
      this.draw();
    }, 150);
  }

  draw() {
    const { state, sent, total, done, jobs } = this.transfer;
    if (state === "sending") this.rate.note(sent, performance.now());
    else this.rate.forget();
    const bar = this.part("bar");
    bar.max = total || 1;
    bar.value = sent;
    this.text("percent", `${Math.floor((sent / (total || 1)) * 100)} %`);
    this.text("files", `${done.toLocaleString("en")} of ${jobs.length.toLocaleString("en")} files`);
    this.text("bytes", `${size(sent)} of ${size(total)}`);
    this.drawRate(total - sent);
    if (state !== this.shown) this.drawState(state);
    this.drawFailed();
  }

  drawRate(left) {
    const { speed } = this.rate;
    this.text("speed", speed ? `${size(speed)} a second` : "");
    this.text("left", speed && left > 0 ? timeLeft(left / speed) : "");
  }

  drawState(state) {
    this.shown = state;
    this.root.dataset.state = state;
    this.text("state", WORDS[state]);
    for (const part of this.root.querySelectorAll("[data-when]")) part.hidden = !part.dataset.when.split(" ").includes(state);
  }

  drawFailed() {
    const { failed } = this.transfer;
    if (failed.length === this.failedShown) return;
    this.failedShown = failed.length;
    this.part("failed").hidden = !failed.length;
    this.text("failed-count", String(failed.length));
    drawList(this.part("failed-list"), failed.map((job) => ({ path: job.item.path, reason: job.problem })));
  }

  text(name, text) {
    const part = this.part(name);
    if (part.textContent !== text) part.textContent = text;
  }
}
