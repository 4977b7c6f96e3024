/*
 * A disc's table of contents (DICOMDIR). It is a hint only: the files are what
 * counts. But where it names files that are not here, somebody should know.
 */
import { NeedsMore, walkOf } from "./header.js";

const RECORDS = 0x00041220;
const ITEM = 0xfffee000;
const IN_USE = 0x00041410;
const FILE = 0x00041500;
const INSIDE = new Set([RECORDS, ITEM]);
const LONGEST_NAME = 512;

/** More names than any disc has are not listed; what they lead to is counted no further. */
export const MOST_NAMES = 200_000;

/**
 * The files that a table of contents names, each as its path from where the table lies.
 *
 * @param {Uint8Array} bytes the whole table
 * @returns {string[]} as far as it can be read
 */
export function filesNamed(bytes) {
  const names = [];
  try {
    read(walkOf(bytes), names);
  } catch (error) {
    if (!(error instanceof NeedsMore)) throw error;
  }
  return names;
}

/* Records lie flat in one sequence: their items are entered, everything else is stepped over. */
function read(walk, names) {
  let deleted = false;
  while (!walk.over && names.length < MOST_NAMES) {
    const { tag, length } = walk.element();
    if (tag === ITEM) deleted = false;
    if (INSIDE.has(tag)) continue;
    if (tag === IN_USE && length === 2) deleted = walk.value(2).every((byte) => byte === 0);
    if (tag === FILE && !deleted && length <= LONGEST_NAME) keep(walk.value(length), names);
    walk.skip(length);
  }
}

function keep(bytes, names) {
  const parts = String.fromCharCode(...bytes).replaceAll("\0", "").split("\\").map((part) => part.trim());
  const name = parts.filter(Boolean).join("/");
  if (name) names.push(name);
}

const folderOf = (path) => path.slice(0, path.lastIndexOf("/") + 1);
const lastOf = (path) => path.slice(path.lastIndexOf("/") + 1);

/* Discs are copied with small letters, with version numbers and with endings that the table leaves out. */
const plain = (path) => path.toUpperCase().replace(/;\d+$/, "").replace(/\.(DCM|IMA)?$/, "");

/**
 * What the tables name and nobody chose.
 *
 * @param {{path: string, files: string[]}[]} tables each with its own path
 * @param {Iterable<string>} paths of everything that was chosen
 * @returns {string[]} paths, each once
 */
export function missingFrom(tables, paths) {
  if (!tables.length) return [];
  const here = new Set([...paths].map(plain));
  const missing = new Set();
  for (const { path, files } of tables) {
    const folder = folderOf(path);
    for (const file of files) {
      // Picked one by one, files come without their folders.
      if (!here.has(plain(folder + file)) && !here.has(plain(folder + lastOf(file)))) missing.add(folder + file);
    }
  }
  return [...missing];
}
