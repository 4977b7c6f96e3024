/*
 * Sends files: a large one by the tus protocol, from where the server has it; small ones together in
 * one request, since of a small file the request is the greater part of the work.
 */
import { Upload } from "tus-js-client";
import { csrfToken } from "../csrf.js";
import { sha256 } from "./digest.js";
import { isSame } from "./manifest.js";
import { besides } from "./server.js";
import { Trouble, troubleOf } from "./trouble.js";

const AT_ONCE = 8 * 1024 * 1024;
const PIECE = 64 * 1024 * 1024;
const QUIET = 60_000;
const SETTLING = 300_000;

const unreadable = () => new Trouble("unreadable", "Could not be read from your disk. Was it moved, or the disc taken out?");

async function opened(job) {
  try {
    const blob = await job.item.blob();
    await blob.slice(0, 1).arrayBuffer();
    return blob;
  } catch {
    throw unreadable();
  }
}

async function digested(blob) {
  try {
    return await sha256(blob);
  } catch (error) {
    throw error.name === "NotReadableError" || error.name === "NotFoundError" ? unreadable() : error;
  }
}

/* A connection that died without a word is noticed by its silence. */
class Watchdog {
  constructor(bark) {
    this.bark = bark;
  }

  hear(patience) {
    clearTimeout(this.timer);
    this.timer = setTimeout(this.bark, patience);
  }

  stop() {
    clearTimeout(this.timer);
  }
}

function tus(blob, { upload, job, on }) {
  return new Upload(blob, {
    endpoint: upload.files_url,
    ...(job.url ? { uploadUrl: job.url } : {}),
    headers: { "X-CSRFToken": csrfToken(), Accept: "application/json" },
    metadata: { path: job.item.path },
    uploadDataDuringCreation: blob.size <= AT_ONCE,
    chunkSize: PIECE,
    retryDelays: null,
    storeFingerprintForResuming: false,
    ...on,
  });
}

const kindOf = (error) => {
  const answer = error.originalResponse;
  if (answer) return troubleOf(answer.getStatus(), answer.getBody()) ?? new Trouble("busy");
  return error.originalRequest ? new Trouble("connection") : unreadable();
};

function send(blob, { upload, job, signal, progress }) {
  return new Promise((resolve, reject) => {
    let transfer;
    const dog = new Watchdog(() => end(new Trouble("connection")));
    const end = (trouble) => {
      dog.stop();
      job.url = transfer.url ?? job.url;
      transfer.abort();
      reject(trouble);
    };
    const on = {
      onProgress: (sent) => {
        dog.hear(sent < blob.size ? QUIET : SETTLING);
        progress(sent);
      },
      onSuccess: () => {
        dog.stop();
        resolve();
      },
      onError: (error) => end(kindOf(error)),
    };
    transfer = tus(blob, { upload, job, on });
    signal.addEventListener("abort", () => end(new Trouble("stopped")), { once: true });
    dog.hear(QUIET);
    transfer.start();
  });
}

/* Begun once for a job and kept over every retry. */
function digestOf(job, blob) {
  if (!job.digest) {
    job.digest = digested(blob);
    job.digest.catch(() => {
      job.digest = null;
    });
  }
  return job.digest;
}

/* Whether the server has all of it; where it has a part, the job goes on from there. */
function isThere(job, row, { digest, upload }) {
  if (!isSame(row, digest)) return false;
  if (row.offset >= row.size) return true;
  job.url = new URL(`${row.id}/`, new URL(upload.files_url, location.href)).href;
  return false;
}

async function sendOne(job, { upload, digests, there, signal, progress }) {
  const blob = await opened(job);
  const digesting = digestOf(job, blob);
  const row = job.url ? null : await there(job.item, { again: job.begun });
  const done = row && isThere(job, row, { digest: row.sha256 ? await digesting : "", upload });
  signal.throwIfAborted();
  job.begun = true;
  if (!done) await send(blob, { upload, job, signal, progress: (sent) => progress(job, sent) });
  digests.set(job.item, await digesting);
}

/* ---- Several together ---------------------------------------------------- */

/* One job made ready: {job, blob, digest}, or {job, trouble}, or {job, done} where the server has it. */
async function ready(job, { upload, there }) {
  try {
    const blob = await opened(job);
    const digest = await digestOf(job, blob);
    const row = await there(job.item, { again: job.begun });
    if (row && isThere(job, row, { digest, upload })) return { job, digest, done: true };
    return job.url ? { job, trouble: new Trouble("again") } : { job, blob, digest };
  } catch (error) {
    if (error.kind !== "unreadable") throw error;
    return { job, trouble: error };
  }
}

/* One line that says what follows, then the files. The browser reads them from the disk as it sends. */
const bodyOf = (parts) => {
  const files = parts.map(({ job, digest }) => ({ path: job.item.path, size: job.item.size, sha256: digest }));
  const index = new Blob([JSON.stringify({ files }), "\n"]);
  return { body: new Blob([index, ...parts.map(({ blob }) => blob)]), before: index.size };
};

/* Bytes that left, told job by job. */
function spread(parts, sent, progress) {
  let left = Math.max(0, sent);
  for (const { job } of parts) {
    progress(job, Math.min(left, job.item.size));
    left -= Math.min(left, job.item.size);
  }
}

/* fetch can't tell how much has left this computer; this can. */
function post(address, body, { signal, told }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const end = (trouble) => {
      dog.stop();
      request.abort();
      reject(trouble);
    };
    const dog = new Watchdog(() => end(new Trouble("connection")));
    request.open("POST", address);
    request.setRequestHeader("Content-Type", "application/vnd.handover.batch");
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("X-CSRFToken", csrfToken());
    request.upload.onprogress = ({ loaded }) => {
      dog.hear(loaded < body.size ? QUIET : SETTLING);
      told(loaded);
    };
    request.onerror = () => end(new Trouble("connection"));
    request.onload = () => {
      dog.stop();
      const trouble = troubleOf(request.status, request.responseText);
      if (trouble) reject(trouble);
      else resolve(request.responseText);
    };
    signal.addEventListener("abort", () => end(new Trouble("stopped")), { once: true });
    dog.hear(QUIET);
    request.send(body);
  });
}

async function sendTogether(jobs, { upload, digests, there, signal, progress }) {
  const all = await Promise.all(jobs.map((job) => ready(job, { upload, there })));
  const troubles = new Map(all.filter((each) => each.trouble).map(({ job, trouble }) => [job, trouble]));
  const parts = all.filter((each) => each.blob);
  signal.throwIfAborted();
  if (parts.length) {
    for (const { job } of parts) job.begun = true;
    const { body, before } = bodyOf(parts);
    const told = (sent) => spread(parts, sent - before, progress);
    /* Parsed here, not where the request ends: what somebody in between answered is no JSON. */
    const { results } = JSON.parse(await post(besides(upload, "batch/"), body, { signal, told }));
    results.forEach(({ state, reason }, at) => {
      if (state === "again") troubles.set(parts[at].job, new Trouble("again", reason));
    });
  }
  for (const { job, digest } of all) if (!troubles.has(job)) digests.set(job.item, digest);
  return troubles;
}

/**
 * A function that sends jobs' files and remembers their digests.
 *
 * @param {{files_url: string}} upload
 * @param {{digests: Map, there: (item, {again}) => Promise<object|null>}} known what was digested here, what the server has
 */
export const senderOf = (upload, known) => async (jobs, how) => {
  const all = { upload, ...known, ...how };
  return jobs.length === 1 ? void (await sendOne(jobs[0], all)) : sendTogether(jobs, all);
};
