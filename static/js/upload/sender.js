/* Sends one file by the tus protocol, from where the server has it. */
import { Upload } from "tus-js-client";
import { csrfToken } from "../csrf.js";
import { sha256 } from "./digest.js";
import { isSame } from "./manifest.js";
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

/**
 * A function that sends one job's file and remembers its digest.
 *
 * @param {{files_url: string}} upload
 * @param {{digests: Map, there: (item, {again}) => Promise<object|null>}} known what was digested here, what the server has
 */
export const senderOf = (upload, { digests, there }) => async (job, { signal, progress }) => {
  const blob = await opened(job);
  const digesting = digestOf(job, blob);
  const row = job.url ? null : await there(job.item, { again: job.begun });
  const done = row && isThere(job, row, { digest: row.sha256 ? await digesting : "", upload });
  signal.throwIfAborted();
  job.begun = true;
  if (!done) await send(blob, { upload, job, signal, progress });
  digests.set(job.item, await digesting);
};
