/*
 * The few header values that the page shows before anything is sent. It walks
 * the top level only, never recurses and never trusts a length: what it can't
 * make sense of goes to the server's check, which decides.
 */
import { decode } from "./text.js";

const UNDEFINED = 0xffffffff;
const LAST = 0x00200013;
const DEFLATED = "1.2.840.10008.1.2.1.99";
const BIG_ENDIAN = "1.2.840.10008.1.2.2";
const DICOMDIR = "1.2.840.10008.1.3.10";
const LONG = new Set(["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"]);
const SHORT = new Set(["AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "PN", "SH", "SL", "SS", "ST", "TM", "UI", "UL", "US"]);

const WANTED = new Map([
  [0x00020002, "mediaClass"], [0x00020010, "transferSyntax"],
  [0x00041220, "directory"],
  [0x00080005, "charset"], [0x00080016, "sopClass"], [0x00080018, "sopInstance"], [0x00080020, "studyDate"],
  [0x00080060, "modality"], [0x00081030, "studyDescription"], [0x0008103e, "seriesDescription"],
  [0x00100010, "patientName"], [0x00100020, "patientId"], [0x00100030, "birthDate"],
  [0x0020000d, "study"], [0x0020000e, "series"], [0x00200011, "seriesNumber"], [0x00200013, "instanceNumber"],
]);

export class NeedsMore extends Error {
  constructor(bytes) {
    super("the header goes on behind what was read");
    this.bytes = bytes;
  }
}

class Walk {
  constructor(bytes, at, { little = true, whole = false } = {}) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = at;
    this.little = little;
    this.whole = whole;
  }

  need(end) {
    if (end > this.bytes.length) throw new NeedsMore(end);
  }

  get over() {
    return this.whole && this.at + 8 > this.bytes.length;
  }

  tag() {
    this.need(this.at + 8);
    return this.view.getUint16(this.at, this.little) * 0x10000 + this.view.getUint16(this.at + 2, this.little);
  }

  /* Explicit and implicit are told apart element by element: files lie about it. */
  element() {
    const tag = this.tag();
    const vr = String.fromCharCode(this.bytes[this.at + 4], this.bytes[this.at + 5]);
    if (tag >>> 16 === 0xfffe) return this.sized(tag, "", 4, 4);
    if (LONG.has(vr)) return this.sized(tag, vr, 8, 4);
    if (SHORT.has(vr)) return this.sized(tag, vr, 6, 2);
    return this.sized(tag, "", 4, 4);
  }

  sized(tag, vr, skip, width) {
    this.need(this.at + skip + width);
    const where = this.at + skip;
    const length = width === 2 ? this.view.getUint16(where, this.little) : this.view.getUint32(where, this.little);
    this.at = where + width;
    return { tag, vr, length };
  }

  value(length) {
    this.need(this.at + length);
    return this.bytes.subarray(this.at, this.at + length);
  }

  /* An element of undefined length ends where as many delimiters came as beginnings. */
  skip(length) {
    if (length !== UNDEFINED) {
      this.at += length;
      return;
    }
    for (let open = 1; open > 0; ) {
      const inner = this.element();
      if (inner.tag === 0xfffee00d || inner.tag === 0xfffee0dd) open -= 1;
      else if (inner.length === UNDEFINED) open += 1;
      else this.at += inner.length;
    }
  }
}

const ascii = (bytes) => String.fromCharCode(...bytes.subarray(0, 1024)).replace(/[\0 ]+$/, "").trimStart();

function collect(walk, stop) {
  const found = {};
  while (!walk.over) {
    const tag = walk.tag();
    if (stop(tag)) break;
    const { length } = walk.element();
    const name = WANTED.get(tag);
    if (name === "directory") found.directory = true;
    else if (name && length !== UNDEFINED) found[name] = walk.value(length).slice(0, 1024);
    walk.skip(length);
  }
  return found;
}

const hasMagic = (bytes, at) => bytes.length >= at + 4 && ascii(bytes.subarray(at, at + 4)) === "DICM";

/* Without preamble or meta a data set is known by a plausible first element. */
function looksBare(bytes) {
  if (bytes.length < 16) return false;
  const group = bytes[0] | (bytes[1] << 8);
  const element = bytes[2] | (bytes[3] << 8);
  const little = [0x0002, 0x0004, 0x0008].includes(group) && element < 0x2000;
  const big = [0x0200, 0x0400, 0x0800].includes(group) && (element & 0xff) < 0x20;
  if (!little && !big) return false;
  const vr = String.fromCharCode(bytes[4], bytes[5]);
  const implicitLength = new DataView(bytes.buffer, bytes.byteOffset + 4, 4).getUint32(0, true);
  return LONG.has(vr) || SHORT.has(vr) || implicitLength < 1024;
}

function readMeta(bytes, whole) {
  const start = hasMagic(bytes, 128) ? 132 : hasMagic(bytes, 0) ? 4 : 0;
  const walk = new Walk(bytes, start, { whole });
  if (bytes[start] !== 2 || bytes[start + 1] !== 0) return { meta: {}, from: start };
  const meta = collect(walk, (tag) => tag >>> 16 !== 2);
  return { meta, from: walk.at };
}

const isBig = (bytes, from, syntax) => {
  const group = (bytes[from] << 8) | bytes[from + 1];
  return syntax === BIG_ENDIAN ? group < 0x100 : group === 0x0008 || group === 0x0004;
};

/** A walk through the data set of a whole file, behind its preamble and meta. */
export function walkOf(bytes) {
  const { meta, from } = readMeta(bytes, true);
  const syntax = meta.transferSyntax ? ascii(meta.transferSyntax) : "";
  return new Walk(bytes, from, { little: !isBig(bytes, from, syntax), whole: true });
}

function described(found, meta) {
  const charset = found.charset ? ascii(found.charset) : "";
  const text = (name) => (found[name] ? decode(found[name], charset) : "");
  const plain = (name) => (found[name] ? ascii(found[name]) : "");
  const number = (name) => (/^[+-]?\d+$/.test(plain(name)) ? Number(plain(name)) : null);
  const index = found.directory || [meta.mediaClass, found.sopClass].some((uid) => uid && ascii(uid) === DICOMDIR);
  return {
    kind: index ? "index" : "instance",
    sopInstance: plain("sopInstance"), study: plain("study"), series: plain("series"),
    patientName: text("patientName"), patientId: text("patientId"), birthDate: plain("birthDate"),
    studyDate: plain("studyDate"), studyDescription: text("studyDescription"),
    modality: plain("modality"), seriesDescription: text("seriesDescription"),
    seriesNumber: number("seriesNumber"), instanceNumber: number("instanceNumber"),
  };
}

const UNREADABLE = { kind: "unreadable" };
const OTHER = { kind: "other" };

/**
 * Reads what the beginning of a file says about it.
 *
 * @param {Uint8Array} bytes the file from its first byte
 * @param {{whole?: boolean}} options whether `bytes` is all there is
 * @returns {{kind: "instance"|"index"|"unreadable"|"other"}|{kind: "more", bytes: number}|{kind: "deflated", from: number}}
 */
export function readHeader(bytes, { whole = false } = {}) {
  const magic = hasMagic(bytes, 128) || hasMagic(bytes, 0);
  if (!magic && !looksBare(bytes)) return OTHER;
  try {
    const { meta, from } = readMeta(bytes, whole);
    if (meta.transferSyntax && ascii(meta.transferSyntax) === DEFLATED) return { kind: "deflated", from };
    return readDataSet(bytes, from, meta, { whole, magic });
  } catch (error) {
    if (!(error instanceof NeedsMore)) throw error;
    if (!whole) return { kind: "more", bytes: error.bytes };
    return magic ? UNREADABLE : OTHER;
  }
}

/** The same for a data set that stood deflated and is inflated now. */
export function readInflated(bytes) {
  try {
    return readDataSet(bytes, 0, {}, { whole: true, magic: true });
  } catch (error) {
    if (!(error instanceof NeedsMore)) throw error;
    return UNREADABLE;
  }
}

function readDataSet(bytes, from, meta, { whole, magic }) {
  const syntax = meta.transferSyntax ? ascii(meta.transferSyntax) : "";
  const walk = new Walk(bytes, from, { little: !isBig(bytes, from, syntax), whole });
  const header = described(collect(walk, (tag) => tag > LAST), meta);
  if (header.kind === "index") return { kind: "index" };
  if (header.sopInstance && header.series) return header;
  return magic ? { ...header, kind: "unreadable" } : OTHER;
}
