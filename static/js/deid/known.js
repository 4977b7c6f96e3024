/*
 * What a file's header says of people, to be looked for in the texts that stay. Simpler than the
 * server's (sharing/deid/known.py): a text in which anything is found goes as a whole.
 */
const UID = /(?<![\d.])\d+(?:\.\d+){4,}(?![\d.]*\d)/g;

export const fold = (text) => text.toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "").replaceAll("ß", "ss");

const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
const words = (text) => text.match(/[\p{L}\p{N}]+/gu) ?? [];
const isJoined = (text) => /[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Hang}\p{sc=Thai}\u1100-\u11ff]/u.test(text);
const alone = (pattern) => `(?<![\\p{L}\\p{N}])${pattern}(?![\\p{L}\\p{N}])`;

export class Known {
  /** @param {{kinds: object, nobody: string[]}} rules which attribute tells what */
  constructor({ kinds, nobody }) {
    this.kinds = kinds;
    this.nobody = new Set(nobody);
    this.patterns = new Set();
    this.makers = "";
    this.pattern = null;
  }

  learn(tag, vr, text) {
    if (tag === 0x00080070 || tag === 0x00081090) this.makers += ` ${fold(text)}`;
    const kind = vr === "PN" ? "name" : this.kinds[tag];
    if (!kind || !text || this.nobody.has(fold(text))) return;
    this.pattern = null;
    if (kind === "name") for (const one of text.split(/[\\=]/)) this.name(one);
    else if (kind === "birth") this.birth(text);
    else for (const one of text.split("\\")) this.whole(fold(one));
  }

  name(text) {
    const parts = text.split("^").map((part) => words(fold(part))).filter((part) => part.length);
    for (const part of parts.flat()) this.word(part);
    for (const part of parts) if (part.length > 1) this.word(part.join(""));
    const whole = parts.slice(0, 3).map((part) => part.join("")).filter((part) => !this.nobody.has(part));
    for (const one of whole) {
      for (const other of whole) {
        if (one !== other && other.length > 3) for (const joined of [one[0] + other, other + one[0]]) this.patterns.add(alone(escaped(joined)));
        if (one !== other && (one.length + other.length >= 6 || isJoined(one + other))) this.patterns.add(`${escaped(one)}[^\\p{L}\\p{N}]{0,3}${escaped(other)}`);
      }
    }
  }

  word(word) {
    if (this.nobody.has(word)) return;
    if (isJoined(word)) {
      if (word.length > 1) this.patterns.add(escaped(word));
    } else if (word.length >= 8) this.patterns.add(escaped(word));
    else if (word.length >= 3) this.patterns.add(alone(escaped(word)));
  }

  birth(text) {
    const [, year, month, day] = /^(\d{4})(\d{2})(\d{2})/.exec(text) ?? [];
    if (!year) return;
    const gap = "[-./ ]?";
    const orders = [[year, month, day], [day, month, year], [month, day, year], [year.slice(2), month, day], [day, month, year.slice(2)], [month, day, year.slice(2)]];
    for (const order of orders) this.patterns.add(`(?<!\\d)${order.map((part) => part.replace(/^0/, "0?")).join(gap)}(?!\\d)`);
  }

  whole(text) {
    const all = words(text);
    const joined = all.join("");
    if (joined.length < (/\p{L}/u.test(joined) && /\d/.test(joined) ? 4 : 5)) return;
    const pattern = all.map(escaped).join("[^\\p{L}\\p{N}]{0,3}");
    this.patterns.add(joined.length >= 8 ? pattern : alone(pattern));
  }

  /** Whether a text tells something of what is known. */
  isIn(text) {
    if (!this.patterns.size) return false;
    this.pattern ??= new RegExp([...this.patterns].join("|"), "gu");
    for (const [found] of fold(text).matchAll(this.pattern)) if (!this.makers.includes(found)) return true;
    return false;
  }
}

/** UIDs in a text, each replaced by `make`. */
export const withUids = (text, make) => text.replace(UID, (uid) => (uid.length >= 12 ? make(uid) : uid));
