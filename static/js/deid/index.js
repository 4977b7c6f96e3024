/* De-identifies a file before it leaves this computer. */
import { element, joined, text } from "./pieces.js";
import { Transform } from "./transform.js";
import { Refusal } from "./walk.js";

const IMPLICIT = "1.2.840.10008.1.2";
const NOT_HERE = {
  "1.2.840.10008.1.2.1.99": "It is compressed as a whole.",
  "1.2.840.10008.1.2.2": "It is written in big endian order.",
  "1.2.840.10008.1.2.4.95": "Its pixels are elsewhere.",
  "1.2.840.10008.1.2.4.205": "Its pixels are elsewhere.",
};
const LARGEST = 512 * 2 ** 20;
const SYNTAX = 0x00020010;

/* Where the data set begins, and how it is written. */
function opened(bytes) {
  if (bytes.length < 144 || String.fromCharCode(...bytes.subarray(128, 132)) !== "DICM") throw new Refusal("It does not begin as DICOM files do.");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 132;
  let syntax = "";
  while (at + 12 <= bytes.length && view.getUint16(at, true) === 2) {
    const long = ["OB", "UN", "UT"].includes(String.fromCharCode(bytes[at + 4], bytes[at + 5]));
    const length = long ? view.getUint32(at + 8, true) : view.getUint16(at + 6, true);
    const start = at + (long ? 12 : 8);
    const tag = view.getUint16(at, true) * 0x10000 + view.getUint16(at + 2, true);
    if (tag === SYNTAX) syntax = String.fromCharCode(...bytes.subarray(start, start + length)).replace(/[\0 ]+$/, "");
    at = start + length;
  }
  if (!syntax) throw new Refusal("It does not say how it is written.");
  if (NOT_HERE[syntax]) throw new Refusal(NOT_HERE[syntax]);
  return { bytes, at, syntax, implicit: syntax === IMPLICIT };
}

function meta({ sopClass }, instance, syntax, { implementation }) {
  const texts = [[0x00020002, "UI", sopClass], [0x00020003, "UI", instance], [SYNTAX, "UI", syntax], [0x00020012, "UI", implementation[0]], [0x00020013, "SH", implementation[1]]];
  const body = joined(element(0x00020001, "OB", Uint8Array.of(0, 1)), ...texts.map((one) => element(...one)));
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, body.length, true);
  return joined(new Uint8Array(128), text("DICM"), element(0x00020000, "UL", length), body);
}

const two = (value) => String(value).padStart(2, "0");

/** A time as the output says when it was made. */
export const madeAt = (date) => ({
  day: `${date.getUTCFullYear()}${two(date.getUTCMonth() + 1)}${two(date.getUTCDate())}`,
  time: [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map(two).join(""),
});

/**
 * One file without who it is.
 *
 * @param {Blob} blob the file
 * @param {{rules: Rules, keys: Keys, created?: {day, time}}} how
 * @returns {Promise<{blob: Blob, study, series, instance, changes: Map}>} `changes` by tag: before, after
 * @throws {Refusal} in words
 */
export async function deidentify(blob, { rules, keys, created = madeAt(new Date()) }) {
  if (blob.size > LARGEST) throw new Refusal("It is larger than what can be done in the browser.");
  const source = opened(new Uint8Array(await blob.arrayBuffer()));
  let transform = new Transform(source, { rules, keys, created });
  if (await keys.fetch()) transform = new Transform(source, { rules, keys, created }); // the days are known now
  let out = transform.run();
  if (await keys.fetch()) out = transform.run();
  const uid = (name) => (rules.written.keepsUids ? transform.facts[name] : keys.uid(transform.facts[name]));
  const instance = uid("instance");
  const [study, series] = [uid("study"), uid("series")];
  const parts = out.parts.map((part) => (part instanceof Uint8Array ? part : blob.slice(part.start, part.stop)));
  return {
    blob: new Blob([meta(transform.facts, instance, source.syntax, rules.written), ...parts]),
    study, series, instance, facts: transform.facts, changes: transform.changes,
  };
}
