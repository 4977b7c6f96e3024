/* Turns what was dropped or picked into items: {path, size, read(bytes), blob()}. */

const clean = (path) => path.replace(/^\/+/, "").normalize("NFC");

/** A file on the person's disk. */
export const fromFile = (file, path = file.webkitRelativePath || file.name) => ({
  path: clean(path),
  size: file.size,
  modified: file.lastModified,
  read: async (bytes) => new Uint8Array(await file.slice(0, bytes).arrayBuffer()),
  blob: async () => file,
});

const fileOf = (entry) => new Promise((resolve, reject) => entry.file(resolve, reject));

const someEntries = (reader) => new Promise((resolve, reject) => reader.readEntries(resolve, reject));

/* readEntries gives at most 100 a time in Chrome: ask until it gives none. */
async function* entriesIn(directory) {
  const reader = directory.createReader();
  for (;;) {
    const some = await someEntries(reader);
    if (!some.length) return;
    yield* some;
  }
}

async function* walk(entry) {
  if (entry.isFile) {
    yield fromFile(await fileOf(entry), entry.fullPath);
    return;
  }
  for await (const inner of entriesIn(entry)) yield* walk(inner);
}

/** The entries of a drop. Must be called while the drop event is handled: they vanish after it. */
export const entriesOf = (transfer) => [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);

/** Everything in the dropped files and folders, however deep. */
export async function* fromEntries(entries) {
  for (const entry of entries) yield* walk(entry);
}
