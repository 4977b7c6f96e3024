/* From a drop or a pick to an inventory. */
import { isArchive, open } from "./archives.js";
import { entriesOf, fromEntries, fromFile } from "./collect.js";
import { inspectAll } from "./inspect.js";

const NOISE = /(^|\/)(\.DS_Store|Thumbs\.db|desktop\.ini|__MACOSX\/.*|\._[^/]*)$/i;
const ARCHIVE_INSIDE = "A ZIP inside a ZIP. Unpack it first.";

async function listed(items, { found }) {
  const all = [];
  for await (const item of items) {
    if (!NOISE.test(item.path)) all.push(item);
    found(all.length);
  }
  return all;
}

/* Opens the archives among the items; what is in them takes their place. */
async function unpacked(items, inventory) {
  const flat = [];
  for (const item of items) {
    if (!(await isArchive(item))) {
      flat.push(item);
      continue;
    }
    const { items: inside, skipped } = await open(item);
    skipped.forEach((row) => inventory.skip(row));
    for (const inner of inside) {
      if (NOISE.test(inner.path)) continue;
      if (/\.zip$/i.test(inner.path)) inventory.skip({ path: inner.path, reason: ARCHIVE_INSIDE });
      else flat.push(inner);
    }
  }
  return flat;
}

/** Lists, unpacks and reads `items` into `inventory`. */
export async function take(items, inventory, { found, progress }) {
  const all = await unpacked(await listed(items, { found }), inventory);
  const headers = await inspectAll(all, { progress });
  all.forEach((item, at) => inventory.add(item, headers[at]));
}

const files = (input) => [...input.files].map((file) => fromFile(file));

/** Calls `taken` with items whenever something is dropped anywhere on the page, or picked. */
export function listen(root, taken) {
  for (const input of root.querySelectorAll('input[type="file"]')) {
    input.addEventListener("change", () => {
      if (input.files.length) taken(files(input));
      input.value = "";
    });
  }
  for (const button of root.querySelectorAll("[data-picks]")) {
    button.addEventListener("click", () => document.getElementById(button.dataset.picks).click());
  }
  listenToDrops(root, taken);
}

function listenToDrops(root, taken) {
  const carries = (event) => event.dataTransfer?.types.includes("Files");
  const mark = (over) => root.classList.toggle("is-over", over);
  addEventListener("dragover", (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    mark(true);
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) mark(false);
  });
  addEventListener("drop", (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    mark(false);
    taken(fromEntries(entriesOf(event.dataTransfer)));
  });
}
