/* The output while it is put together: ranges of the source that stay, and bytes that are new. */
import { LONG, UNDEFINED } from "./walk.js";

const NUL_PADDED = new Set(["UI", "OB", "UN"]);
const ITEM = 0xfffee000;

const text = (value) => Uint8Array.from(value, (letter) => letter.charCodeAt(0) & 0xff);

export class Pieces {
  constructor() {
    this.parts = [];
    this.size = 0;
    this.changed = false;
  }

  keep(start, stop) {
    const last = this.parts.at(-1);
    if (last?.stop === start) last.stop = stop;
    else if (stop > start) this.parts.push({ start, stop });
    this.size += stop - start;
  }

  write(bytes) {
    this.changed = true;
    if (bytes.length) this.parts.push(bytes);
    this.size += bytes.length;
  }

  drop() {
    this.changed = true;
  }

  append(other) {
    for (const part of other.parts) {
      if (part instanceof Uint8Array) this.write(part);
      else this.keep(part.start, part.stop);
    }
    this.changed ||= other.changed;
  }
}

function joined(...parts) {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Header of an element; for a delimiter `vr` is nothing. */
export function head(tag, vr, length, implicit) {
  const long = !implicit && vr && LONG.has(vr);
  const bytes = new Uint8Array(long ? 12 : 8);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, tag >>> 16, true);
  view.setUint16(2, tag & 0xffff, true);
  if (!implicit && vr) bytes.set(text(vr), 4);
  if (long) view.setUint32(8, length, true);
  else if (implicit || !vr) view.setUint32(4, length, true);
  else view.setUint16(6, length, true);
  return bytes;
}

/** A whole element; its value is made even. A text is one byte a letter. */
export function element(tag, vr, value, implicit) {
  const bytes = typeof value === "string" ? text(value) : value;
  const padding = bytes.length % 2 ? Uint8Array.of(NUL_PADDED.has(vr) ? 0 : 0x20) : new Uint8Array();
  return joined(head(tag, vr, bytes.length + padding.length, implicit), bytes, padding);
}

/** A sequence of items that are put together already. */
export function sequence(tag, items, implicit) {
  const body = joined(...items.map((item) => joined(head(ITEM, "", item.length), item)));
  return joined(head(tag, "SQ", body.length, implicit), body);
}

/** Content in its item or sequence, with its length or with an end, as it was. */
export function wrapped(content, opening, length, end) {
  const found = new Pieces();
  const bytes = opening.slice();
  new DataView(bytes.buffer).setUint32(bytes.length - 4, length === UNDEFINED ? UNDEFINED : content.size, true);
  found.write(bytes);
  found.append(content);
  if (length === UNDEFINED) found.write(head(end, "", 0));
  return found;
}

export { joined, text };
