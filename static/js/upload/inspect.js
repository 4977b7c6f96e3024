/* Reads the beginning of each chosen file, no more of it than its header needs. */
import { filesNamed } from "./contents.js";
import { readHeader, readInflated } from "./header.js";

const FIRST = 64 * 1024;
const MOST = 16 * 1024 * 1024;
const LARGEST_TABLE = 64 * 1024 * 1024;
const AT_ONCE = 8;

async function inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  const reader = stream.getReader();
  const parts = [];
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      parts.push(value);
      size += value.length;
      if (size > MOST) break;
    }
  } catch {
    // The stream stops short because only its beginning was read; what came out is the header.
  }
  reader.cancel().catch(() => {});
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** What one file is: an instance, an index, unreadable here, or something else. */
export async function inspect(item) {
  let wanted = Math.min(FIRST, item.size);
  for (;;) {
    const bytes = await item.read(wanted);
    const whole = bytes.length >= item.size;
    const header = readHeader(bytes, { whole });
    if (header.kind === "deflated") return readInflated(await inflate((await item.read(Math.min(MOST, item.size))).subarray(header.from)));
    if (header.kind === "index") return { kind: "index", files: filesNamed(await item.read(Math.min(LARGEST_TABLE, item.size))) };
    if (header.kind !== "more") return header;
    if (whole || wanted >= MOST) return { kind: "unreadable" };
    wanted = Math.min(item.size, MOST, Math.max(header.bytes + 4096, wanted * 8));
  }
}

/** Inspects all items, a few at once, leaving the page free between them. */
export async function inspectAll(items, { progress, signal }) {
  const results = new Array(items.length);
  let next = 0;
  let done = 0;
  const worker = async () => {
    while (next < items.length && !signal?.aborted) {
      const at = next++;
      results[at] = await inspect(items[at]).catch(() => ({ kind: "lost" }));
      progress(++done, items.length);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}
