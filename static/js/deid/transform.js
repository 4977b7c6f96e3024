/*
 * One data set, element by element (PS3.15 E.1.1): what the server's engine does (sharing/deid),
 * for what can be done without reading words or pictures.
 */
import { decode } from "../upload/text.js";
import { shift } from "./dates.js";
import { patientKey } from "./keys.js";
import { Known, withUids } from "./known.js";
import { element, head, Pieces, sequence, text, wrapped } from "./pieces.js";
import { FRAGMENTS, ITEM, ITEM_END, Refusal, SEQUENCE, SEQUENCE_END, UNDEFINED, VALUE, Walk } from "./walk.js";

const PIXEL_DATA = 0x7fe00010;
const CHARSET = 0x00080005;
const NUMBER = 0x00100020;
const LONGEST = 16 * 2 ** 20;
const TEXTS = new Set(["AE", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"]);
const DUMMIED = new Set([...TEXTS, "AS", "DA", "DT", "TM", "OB", "UN"]);
const DRAWN = new Set([0x00700022, 0x00700273]);
const STRONGER = new Set(["remove", "empty", "uid", "replace", "code", "pseudonym", "content"]);
const TEMPORAL = new Set(["AS", "DA", "DT", "TM"]);
const CODED = new Set(["LO", "SH", "ST", "UC"]);

const FACTS = {
  [CHARSET]: "charset", 0x00080008: "imageType", 0x00080012: "created", 0x00080016: "sopClass", 0x00080018: "instance", 0x00080060: "modality",
  0x00100010: "name", [NUMBER]: "number", 0x00100021: "issuer", 0x00100030: "birthDate", 0x0020000d: "study",
  0x0020000e: "series", 0x00280301: "burnedIn",
};

const latin1 = (bytes) => {
  let out = "";
  for (let at = 0; at < bytes.length; at += 8192) out += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return out;
};
const plain = (value) => value.replace(/^[\0 ]+|[\0 ]+$/g, "");
const isBlank = (bytes) => bytes.every((byte) => byte === 0 || byte === 0x20);
const hex = (tag) => tag.toString(16).padStart(8, "0");

/** What a profile does with each attribute, as the server compiled it (`sharing/deid/browser.py`). */
export class Rules {
  constructor(written) {
    this.written = written;
    this.vrs = new Map(Object.entries(written.vrs).flatMap(([vr, tags]) => tags.split(" ").map((tag) => [parseInt(tag, 16), vr])));
    this.kinds = Object.fromEntries(Object.entries(written.known).flatMap(([kind, tags]) => tags.map((tag) => [parseInt(tag, 16), kind])));
  }

  vrOf(tag) {
    const group = tag >>> 16;
    if (!(tag & 0xffff)) return "UL";
    if (group & 1) return (tag & 0xffff) >= 0x10 && (tag & 0xffff) <= 0xff ? "LO" : "UN";
    return this.vrs.get(tag) ?? "UN";
  }

  decide(sopClass, parent, tag) {
    const { all, inside, classes } = this.written.decisions;
    const key = hex(tag);
    const own = classes[sopClass]?.[`${parent ? hex(parent) : ""}/${key}`];
    const found = own ?? (parent ? inside[key] : undefined) ?? all[key];
    if (found !== undefined) return found;
    const group = tag >>> 16;
    const kept = !(group & 1) && tag & 0xffff && group > 4 && ![0x50, 0x60].includes(group >> 8) && this.vrs.has(tag);
    return kept ? "" : "remove";
  }

  dummy(tag, vr, bytes) {
    const { numbers, codes, values, other } = this.written.dummies;
    if (vr in numbers) return new Uint8Array(Math.max(bytes.length, numbers[vr]));
    if (vr === "OB" || vr === "UN") return new Uint8Array(2);
    const [first, second] = codes[hex(tag)] ?? values[vr] ?? other;
    return text(plain(latin1(bytes)) === first ? second : first);
  }
}

/* Plain values of the top level, and what all levels tell of people. */
function look(walk, bytes, rules) {
  const facts = Object.fromEntries(Object.values(FACTS).map((name) => [name, ""]));
  const known = new Known({ kinds: rules.kinds, nobody: rules.written.nobody });
  const charsets = [""];
  for (const { what, tag, vr, length, at } of walk.steps()) {
    if (what === ITEM) charsets.push(charsets.at(-1));
    else if (what === ITEM_END) charsets.pop();
    if (what !== VALUE || !length || length > 4096) continue;
    const value = bytes.subarray(at, at + length);
    if (tag === CHARSET) charsets[charsets.length - 1] = plain(latin1(value));
    const words = decode(value, charsets.at(-1));
    if (charsets.length === 1 && FACTS[tag]) facts[FACTS[tag]] = words;
    known.learn(tag, vr === "UN" ? rules.vrOf(tag) : vr, words);
  }
  return { facts, known };
}

export class Transform {
  /** @param {{bytes: Uint8Array, at: number, implicit: boolean}} source a whole file, opened */
  constructor(source, { rules, keys, created }) {
    Object.assign(this, { ...source, rules, keys, created });
    this.vrOf = (tag) => rules.vrOf(tag);
    const { facts, known } = look(new Walk(this.bytes, this), this.bytes, rules);
    this.facts = facts;
    this.known = known;
    refuse(facts, rules.written);
    this.patient = patientKey({ ...facts, study: facts.study || facts.instance });
    this.days = keys.shift(this.patient);
    this.changes = new Map();
  }

  /** What to write behind the file meta information. */
  run() {
    this.changes.clear();
    this.added = this.marks();
    const out = new Pieces();
    this.level = { parent: 0, charset: this.facts.charset, out, dummies: false, top: true };
    this.sequences = [];
    this.skipping = 0;
    const handlers = { [VALUE]: this.value, [FRAGMENTS]: this.value, [SEQUENCE]: this.open, [ITEM]: this.item, [ITEM_END]: this.itemEnd, [SEQUENCE_END]: this.close };
    let start = this.at;
    for (const step of new Walk(this.bytes, this).steps()) {
      const from = start;
      start = step.stop;
      if (this.skipping) this.skipping += (step.what === SEQUENCE) - (step.what === SEQUENCE_END);
      else handlers[step.what].call(this, step, from);
    }
    this.add(Infinity);
    return out;
  }

  /* ---- what is added */

  marks() {
    const { texts, codes, dated } = this.rules.written.marks;
    const made = texts.map(([tag, vr, value]) => [parseInt(tag, 16), (implicit) => element(parseInt(tag, 16), vr, value, implicit)]);
    const items = (implicit) => codes.map(([value, meaning]) => {
      const parts = [[0x00080100, "SH", value], [0x00080102, "SH", "DCM"], [0x00080104, "LO", meaning]];
      return Uint8Array.from(parts.flatMap(([tag, vr, words]) => [...element(tag, vr, words, implicit)]));
    });
    made.push([0x00120064, (implicit) => sequence(0x00120064, items(implicit), implicit)]);
    if (!(dated && this.facts.created)) {
      made.push([0x00080012, (implicit) => element(0x00080012, "DA", this.created.day, implicit)]);
      made.push([0x00080013, (implicit) => element(0x00080013, "TM", this.created.time, implicit)]);
    }
    return made.toSorted(([one], [other]) => one - other);
  }

  add(before) {
    while (this.added.length && this.added[0][0] <= before) {
      const [, make] = this.added.shift();
      this.level.out.write(make(this.implicit));
    }
  }

  /* ---- elements */

  decide(step) {
    const { level } = this;
    if (level.top) this.add(step.tag);
    const found = this.rules.decide(this.facts.sopClass, level.parent, step.tag);
    if (found === "content" && level.top) throw new Refusal("It holds structured content, which has to be read.");
    if (!level.dummies || STRONGER.has(found)) return found;
    return DUMMIED.has(step.vr) || DRAWN.has(step.tag) ? "replace" : "";
  }

  value(step, start) {
    const { out, top } = this.level;
    const decision = this.decide(step);
    const { tag, length } = step;
    if (decision === "remove") {
      out.drop();
      if (top) this.note(step, "");
    } else if ((tag === PIXEL_DATA && top) || (!decision && !length)) out.keep(start, step.stop);
    else if (length === UNDEFINED || length > LONGEST) out.drop();
    else this.put(step, start, this.made(decision, step));
  }

  put(step, start, value) {
    const { out, top } = this.level;
    if (value === null) {
      out.keep(start, step.stop);
    } else if (value === undefined) {
      out.drop();
      if (top) this.note(step, "");
    } else {
      out.write(element(step.tag, this.written(step), value, step.implicit));
      if (top) this.note(step, latin1(value));
    }
  }

  written({ tag, vr }) {
    return vr.includes(" ") ? vr.split(" ")[0] : vr || this.vrOf(tag);
  }

  note({ tag, at, length }, after) {
    if (length && length < 1024) this.changes.set(tag, { before: decode(this.bytes.subarray(at, at + length), this.level.charset), after });
  }

  /* New bytes; null for as it was, undefined for gone. */
  made(decision, step) {
    const bytes = this.bytes.subarray(step.at, step.at + step.length);
    if (step.tag === CHARSET && !decision) this.level.charset = plain(latin1(bytes));
    if (!decision || decision === "retain") return this.kept(step, bytes);
    if (isBlank(bytes)) return null;
    switch (decision) {
      case "uid": return text(this.uids(bytes));
      case "empty": return new Uint8Array();
      case "shift": return this.shifted(step, bytes);
      case "code": return text(this.codes(step.tag, bytes));
      case "pseudonym": return text(this.pseudonym(step.tag, bytes));
      default: return this.dummy(step, bytes);
    }
  }

  kept(step, bytes) {
    const vr = step.vr === "UN" ? this.vrOf(step.tag) : step.vr;
    if (vr === "SQ") return undefined;
    if (TEXTS.has(vr)) return this.scrubbed(step, vr, bytes);
    if (vr === "CS") return this.isTerm(step.tag) || !this.known.isIn(latin1(bytes)) ? null : this.rules.dummy(step.tag, "CS", bytes);
    if ((vr === "OB" || vr === "UN") && this.known.isIn(latin1(bytes))) return undefined;
    return null;
  }

  isTerm(tag) {
    return tag >>> 16 === 0x0028 || this.rules.written.terms.includes(hex(tag));
  }

  scrubbed(step, vr, bytes) {
    const words = decode(bytes, this.level.charset);
    if (this.known.isIn(words)) return this.rules.dummy(step.tag, vr, bytes);
    if (this.rules.written.keepsUids) return null;
    const changed = withUids(latin1(bytes), (uid) => this.keys.uid(uid));
    return changed === latin1(bytes) ? null : text(changed);
  }

  uids(bytes) {
    return plain(latin1(bytes)).split("\\").map((uid) => this.keys.uid(uid)).join("\\");
  }

  codes(tag, bytes) {
    const keyword = this.rules.written.keywords[hex(tag)] ?? "";
    return plain(latin1(bytes)).split("\\").map((one) => this.keys.code(keyword, one)).join("\\");
  }

  pseudonym(tag, bytes) {
    const number = plain(latin1(bytes));
    const another = tag === NUMBER && !this.level.top && number !== this.facts.number;
    return this.keys.pseudonym(another ? patientKey({ number }) : this.patient);
  }

  shifted(step, bytes) {
    const vr = TEMPORAL.has(step.vr) ? step.vr : this.vrOf(step.tag);
    if (!TEMPORAL.has(vr)) return vr === "SH" || vr === "LO" ? null : this.dummy(step, bytes);
    const moved = shift(vr, latin1(bytes), this.days);
    return moved === null ? this.rules.dummy(step.tag, vr, bytes) : text(moved);
  }

  dummy(step, bytes) {
    const fixed = this.rules.written.fixed[hex(step.tag)];
    if (fixed) return text(fixed);
    const vr = this.written(step);
    if (vr === "UI") return text(this.uids(bytes));
    if (CODED.has(vr) && hex(step.tag) in this.rules.written.keywords) return text(this.codes(step.tag, bytes));
    return this.rules.dummy(step.tag, vr === "UN" ? this.vrOf(step.tag) : vr, bytes);
  }

  /* ---- sequences */

  open(step, start) {
    const { level } = this;
    const decision = this.decide(step);
    if (decision === "remove") {
      level.out.drop();
      this.skipping = 1;
    } else if (decision === "empty") {
      level.out.write(head(step.tag, "SQ", 0, step.implicit));
      this.skipping = 1;
    } else {
      if (decision === "content") throw new Refusal("It holds structured content, which has to be read.");
      this.sequences.push({ start, step, level, out: new Pieces(), dummies: level.dummies || decision === "replace" });
    }
  }

  item(step, start) {
    const { level, dummies } = this.sequences.at(-1);
    this.level = { parent: step.tag, charset: level.charset, out: new Pieces(), dummies, top: false, start };
  }

  itemEnd(step) {
    const { level } = this;
    const around = this.sequences.at(-1);
    this.level = around.level;
    if (level.out.changed) around.out.append(wrapped(level.out, head(0xfffee000, "", 0), step.length, 0xfffee00d));
    else around.out.keep(level.start, step.stop);
  }

  close(last) {
    const { start, step, level, out } = this.sequences.pop();
    if (!out.changed) level.out.keep(start, last.stop);
    else level.out.append(wrapped(out, head(step.tag, "SQ", 0, step.implicit), step.length, 0xfffee0dd));
  }
}

function refuse({ sopClass, modality, burnedIn, imageType }, { kinds, atRisk }) {
  if (!(sopClass in kinds)) throw new Refusal("It is no image of the kinds that can be cleaned here: it may hold words that have to be read.");
  if (burnedIn === "YES" || imageType.includes("SCREEN")) throw new Refusal("Text is burned into the picture.");
  if (burnedIn !== "NO" && (kinds[sopClass] || atRisk.includes(modality))) throw new Refusal("Pictures of this kind often have a name burned in, and the file does not say that this one has none.");
}
