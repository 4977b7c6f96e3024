/* The thread to the server: every request goes through here, so that the end of a share is
   noticed by whichever request meets it first, and by a check each second when none is made. */

import { patiently } from "../patience.js";

const CHECK_EVERY = 1000;
const CHECK_PATIENCE = 5000;

export class EndedError extends Error {}

export class Share extends EventTarget {
  #ended = false;
  #failures = 0;
  #stop = new AbortController();

  constructor(page) {
    super();
    this.alive = page.alive;
  }

  get ended() {
    return this.#ended;
  }

  watch() {
    if (this.alive) this.#again();
  }

  /** Fetch, or throw: EndedError when the share is over, Error with `status` otherwise. */
  async fetch(url, { accept = "*/*", signal } = {}) {
    if (this.#ended) throw new EndedError();
    const signals = signal ? AbortSignal.any([signal, this.#stop.signal]) : this.#stop.signal;
    const ask = () => fetch(url, { headers: { Accept: accept }, credentials: "same-origin", signal: signals });
    const answer = await patiently(ask, { signal: signals });
    if (answer.ok) return answer;
    await this.#doubt(answer.status);
    const problem = await told(answer);
    throw Object.assign(new Error(`The server answered ${answer.status}`), { status: answer.status, problem });
  }

  async json(url, options) {
    const answer = await this.fetch(url, { accept: "application/dicom+json, application/json", ...options });
    return answer.json();
  }

  end(reason) {
    if (this.#ended) return;
    this.#ended = true;
    this.#stop.abort(new EndedError());
    this.dispatchEvent(new CustomEvent("ended", { detail: { reason } }));
  }

  /* A single missing frame is not the end: a refusal counts only when the share itself is gone. */
  async #doubt(status) {
    if (status === 401) this.end(this.alive ? "share" : "signed-out");
    else if (this.alive && [403, 404, 410].includes(status)) await this.check();
    if (this.#ended) throw new EndedError();
  }

  async check() {
    try {
      const answer = await fetch(this.alive, {
        cache: "no-store",
        credentials: "same-origin",
        redirect: "manual",
        signal: AbortSignal.timeout(CHECK_PATIENCE),
      });
      this.#heard(answer);
    } catch {
      this.#lost();
    }
  }

  #heard(answer) {
    if ([401, 403, 404, 410].includes(answer.status) || answer.type === "opaqueredirect") this.end("share");
    else this.#failures = 0;
    this.dispatchEvent(new CustomEvent("connection", { detail: { online: true } }));
  }

  /* A train in a tunnel is not a revoked link: say it, keep trying. */
  #lost() {
    this.#failures += 1;
    if (this.#failures === 3) this.dispatchEvent(new CustomEvent("connection", { detail: { online: false } }));
  }

  async #again() {
    await this.check();
    if (!this.#ended) setTimeout(() => this.#again(), CHECK_EVERY);
  }
}

/* What the server says of the problem, where it says something (RFC 9457). */
async function told(answer) {
  const json = answer.headers?.get("Content-Type") === "application/problem+json";
  return json ? ((await answer.json()).detail ?? "") : "";
}
