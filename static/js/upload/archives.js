/* ZIP archives, opened here: one entry at a time, never unpacked as a whole. */
import { BlobReader, BlobWriter, ZipReader, configure } from "@zip.js/zip.js/lib/zip-core-external.js";

configure({ useWebWorkers: false, useCompressionStream: true });

const ZIP = [0x50, 0x4b, 0x03, 0x04];

export async function isArchive(item) {
  if (item.size < 22) return false;
  const head = await item.read(4).catch(() => []);
  return ZIP.every((byte, at) => head[at] === byte);
}

/* The beginning of an entry, without inflating the rest. */
async function beginning(entry, bytes) {
  const parts = [];
  let size = 0;
  const enough = new AbortController();
  const sink = new WritableStream({
    write(chunk) {
      parts.push(chunk.slice());
      size += chunk.length;
      if (size >= bytes) enough.abort();
    },
  });
  try {
    await entry.getData(sink, { signal: enough.signal, checkSignature: false });
  } catch (error) {
    if (!enough.signal.aborted) throw error;
  }
  const all = new Uint8Array(await new Blob(parts).arrayBuffer());
  return all.subarray(0, bytes);
}

const fromEntry = (archive, entry) => ({
  path: `${archive.path}/${entry.filename}`.normalize("NFC"),
  size: entry.uncompressedSize,
  modified: archive.modified,
  read: (bytes) => beginning(entry, bytes),
  blob: () => entry.getData(new BlobWriter()),
});

/**
 * Lists an archive.
 *
 * @returns {Promise<{items: object[], skipped: {path: string, reason: string}[]}>}
 */
export async function open(archive) {
  const items = [];
  const skipped = [];
  const reader = new ZipReader(new BlobReader(await archive.blob()));
  try {
    for await (const entry of reader.getEntriesGenerator()) {
      if (entry.directory) continue;
      const path = `${archive.path}/${entry.filename}`;
      if (entry.encrypted) skipped.push({ path, reason: "Locked with a password. Unpack it first." });
      else items.push(fromEntry(archive, entry));
    }
  } catch {
    skipped.push({ path: archive.path, reason: "This ZIP is damaged or incomplete, and can't be opened." });
  }
  return { items, skipped };
}
