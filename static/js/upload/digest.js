/* SHA-256 of a file: by the browser where it fits into memory, piece by piece in a worker where not. */
const SMALL = 64 * 1024 * 1024;

const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");

function inWorker(blob) {
  const worker = new Worker(new URL("./digest.worker.js", import.meta.url), { type: "module" });
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => (data.digest ? resolve(data.digest) : reject(new DOMException(data.problem, "NotReadableError")));
    worker.onerror = () => reject(new Error("The digest worker did not start."));
    worker.postMessage(blob);
  }).finally(() => worker.terminate());
}

/** The SHA-256 of `blob` in hex. */
export async function sha256(blob) {
  if (blob.size > SMALL || !globalThis.crypto?.subtle) return inWorker(blob);
  return hex(await crypto.subtle.digest("SHA-256", await blob.arrayBuffer()));
}
