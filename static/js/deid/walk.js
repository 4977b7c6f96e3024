/*
 * A walk through the elements of a data set in its bytes, little endian, explicit or implicit
 * (PS3.5 7). What is unusual is refused, not guessed: the server has the means to look closer.
 */
export const VALUE = 0;
export const SEQUENCE = 1;
export const ITEM = 2;
export const ITEM_END = 3;
export const SEQUENCE_END = 4;
export const FRAGMENTS = 5;

export const UNDEFINED = 0xffffffff;
const ITEM_TAG = 0xfffee000;
const ITEM_END_TAG = 0xfffee00d;
const SEQUENCE_END_TAG = 0xfffee0dd;
const PIXEL_DATA = 0x7fe00010;
const DEEPEST = 64;
const MOST = 200_000;

export const LONG = new Set(["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"]);
const SHORT = new Set(["AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "PN", "SH", "SL", "SS", "ST", "TM", "UI", "UL", "US"]);

/** A file that is not de-identified here; the message is for the person who chose it. */
export class Refusal extends Error {
  constructor(sentence) {
    super(sentence);
    this.name = "Refusal";
  }
}

const broken = () => new Refusal("Its structure is damaged or unusual.");

export class Walk {
  /**
   * @param {Uint8Array} bytes of the whole file
   * @param {{at: number, implicit: boolean, vrOf: (tag: number) => string}} form
   */
  constructor(bytes, { at, implicit, vrOf }) {
    Object.assign(this, { bytes, at, implicit, vrOf, count: 0 });
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  tagAt(at) {
    if (at + 8 > this.bytes.length) throw broken();
    return this.view.getUint16(at, true) * 0x10000 + this.view.getUint16(at + 2, true);
  }

  head(implicit) {
    if (++this.count > MOST) throw broken();
    const start = this.at;
    const tag = this.tagAt(start);
    if (implicit || tag >>> 16 === 0xfffe) return { tag, vr: this.vrOf(tag), length: this.view.getUint32(start + 4, true), at: start + 8, start };
    const vr = String.fromCharCode(this.bytes[start + 4], this.bytes[start + 5]);
    if (LONG.has(vr)) {
      if (start + 12 > this.bytes.length) throw broken();
      return { tag, vr, length: this.view.getUint32(start + 8, true), at: start + 12, start };
    }
    if (!SHORT.has(vr)) throw broken();
    return { tag, vr, length: this.view.getUint16(start + 6, true), at: start + 8, start };
  }

  /** Every step to the end of the file; `stop` is where the next one begins. */
  *steps() {
    yield* this.dataSet(this.bytes.length, this.implicit, 0);
    if (this.bytes.subarray(this.at).some((byte) => byte !== 0 && byte !== 0x20)) throw broken();
  }

  *dataSet(end, implicit, depth) {
    while (this.at + 8 <= end) {
      const step = this.head(implicit);
      if (!step.tag && !depth) {
        this.at = step.start;
        return; // padding
      }
      if (step.tag >>> 16 === 0xfffe) {
        if (!depth || step.tag !== ITEM_END_TAG) throw broken();
        this.at = step.at;
        return;
      }
      if (step.vr === "SQ" || step.length === UNDEFINED || (step.vr === "UN" && this.vrOf(step.tag) === "SQ")) yield* this.nested(step, end, implicit, depth);
      else yield this.value(step, end, implicit);
    }
    if (depth) this.at = end;
  }

  value(step, end, implicit) {
    if (step.at + step.length > end) throw broken();
    this.at = step.at + step.length;
    return { ...step, what: VALUE, implicit, stop: this.at };
  }

  *nested(step, end, implicit, depth) {
    const undefinedLength = step.length === UNDEFINED;
    const stop = undefinedLength ? end : step.at + step.length;
    if (stop > end || depth >= DEEPEST) throw broken();
    if (undefinedLength && (step.tag === PIXEL_DATA || ["OB", "OW"].includes(step.vr))) {
      yield this.fragments(step, stop, implicit);
      return;
    }
    if (step.vr === "UN" && (step.tag >>> 16) % 2 === 0) throw broken();
    const inside = implicit || step.vr === "UN";
    this.at = step.at;
    yield { ...step, what: SEQUENCE, implicit, stop: this.at };
    while (this.at + 8 <= stop) {
      const { tag, length, at, start } = this.head(true);
      this.at = at;
      if (tag === SEQUENCE_END_TAG) break;
      if (tag !== ITEM_TAG || (length !== UNDEFINED && at + length > stop)) throw broken();
      yield { tag: step.tag, length, at, start, what: ITEM, implicit: inside, stop: at };
      const before = this.at;
      yield* this.dataSet(length === UNDEFINED ? stop : at + length, inside, depth + 1);
      yield { tag: step.tag, length, at, start: before, what: ITEM_END, implicit: inside, stop: this.at };
    }
    if (!undefinedLength) this.at = stop;
    yield { ...step, what: SEQUENCE_END, implicit, stop: this.at };
  }

  fragments(step, end, implicit) {
    this.at = step.at;
    while (this.at + 8 <= end) {
      const { tag, length, at } = this.head(true);
      this.at = at;
      if (tag === SEQUENCE_END_TAG) return { ...step, what: FRAGMENTS, implicit, stop: this.at };
      if (tag !== ITEM_TAG || at + length > end) throw broken();
      this.at = at + length;
    }
    throw broken();
  }
}
