/* Names in the character sets of DICOM (PS3.3 C.12.1.1.2), by the browser's own decoders. */

const SINGLE = {
  "": "utf-8",
  "ISO_IR 6": "utf-8",
  "ISO 2022 IR 6": "utf-8",
  "ISO_IR 192": "utf-8",
  GB18030: "gb18030",
  GBK: "gbk",
};

const BY_NUMBER = {
  100: "windows-1252", 101: "iso-8859-2", 109: "iso-8859-3", 110: "iso-8859-4", 144: "iso-8859-5",
  127: "iso-8859-6", 126: "iso-8859-7", 138: "iso-8859-8", 148: "windows-1254", 203: "iso-8859-15",
  166: "windows-874", 13: "shift_jis", 87: "iso-2022-jp", 159: "iso-2022-jp", 149: "euc-kr", 58: "gbk",
};

/* What an escape sequence switches to (PS3.3 Tables C.12-3 and C.12-4). */
const ESCAPES = {
  "-A": "windows-1252", "-B": "iso-8859-2", "-C": "iso-8859-3", "-D": "iso-8859-4", "-L": "iso-8859-5",
  "-G": "iso-8859-6", "-F": "iso-8859-7", "-H": "iso-8859-8", "-M": "windows-1254", "-b": "iso-8859-15",
  "-T": "windows-874", ")I": "shift_jis", "(J": "shift_jis", "$)C": "euc-kr", "$)A": "gbk",
  "$B": "iso-2022-jp", "$(D": "jis-x-0212",
};

const ESC = 0x1b;
const DELIMITERS = new Set([0x5c, 0x5e, 0x3d, 0x0d, 0x0a, 0x09]);

const encodingOf = (term) => SINGLE[term] ?? BY_NUMBER[/(?:ISO_IR|ISO 2022 IR) (\d+)/.exec(term)?.[1]] ?? "utf-8";

const latin1 = (bytes) => String.fromCharCode(...bytes);

function decodeWith(encoding, bytes) {
  if (encoding === "iso-2022-jp") return new TextDecoder(encoding).decode(Uint8Array.of(ESC, 0x24, 0x42, ...bytes));
  if (encoding === "jis-x-0212") return new TextDecoder("euc-jp").decode(supplementary(bytes));
  if (encoding !== "utf-8") return new TextDecoder(encoding).decode(bytes);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("windows-1252").decode(bytes); // undeclared, so most likely Latin-1
  }
}

/* JIS X 0212 is plane 3 of EUC-JP: 8F before each pair, the high bits set. */
function supplementary(bytes) {
  const out = [];
  for (let at = 0; at + 1 < bytes.length; at += 2) out.push(0x8f, bytes[at] | 0x80, bytes[at + 1] | 0x80);
  return Uint8Array.from(out);
}

function escapeAt(bytes, at) {
  for (const length of [3, 2]) {
    const sequence = latin1(bytes.subarray(at + 1, at + 1 + length));
    if (sequence in ESCAPES) return { encoding: ESCAPES[sequence], length: length + 1 };
  }
  const plain = bytes[at + 1] === 0x28; // ESC ( B: back to ASCII
  return { encoding: null, length: plain ? 3 : 1 };
}

/* Where a run in one encoding ends: at the next escape, or at a delimiter unless pairs of 7-bit bytes may look like one. */
function runEnd(bytes, from, encoding) {
  const pairs = encoding === "iso-2022-jp" || encoding === "jis-x-0212";
  let at = from;
  while (at < bytes.length && bytes[at] !== ESC && (pairs || !DELIMITERS.has(bytes[at]))) at += 1;
  return at;
}

function decodeEscaped(bytes, initial) {
  let text = "";
  let encoding = initial;
  let at = 0;
  while (at < bytes.length) {
    if (bytes[at] === ESC) {
      const found = escapeAt(bytes, at);
      encoding = found.encoding ?? initial;
      at += found.length;
    } else if (DELIMITERS.has(bytes[at]) && !["iso-2022-jp", "jis-x-0212"].includes(encoding)) {
      text += String.fromCharCode(bytes[at]);
      encoding = initial;
      at += 1;
    } else {
      const end = runEnd(bytes, at, encoding);
      text += decodeWith(encoding, bytes.subarray(at, end));
      at = end;
    }
  }
  return text;
}

/** Decodes a value's bytes by the data set's Specific Character Set. */
export function decode(bytes, charset = "") {
  const terms = charset.split("\\").map((term) => term.trim());
  const initial = encodingOf(terms[0]);
  const text = bytes.includes(ESC) ? decodeEscaped(bytes, initial) : decodeWith(initial, bytes);
  return text.replace(/[\0 ]+$/, "").replace(/^ +/, "");
}

/** "Yamada^Tarou=山田^太郎" as people write it: "Yamada, Tarou (山田 太郎)". */
export function personName(value) {
  const [alphabetic = "", ideographic = ""] = value.split("=");
  const first = western(alphabetic);
  const second = ideographic.split("^").filter(Boolean).join(" ");
  return first && second ? `${first} (${second})` : first || second;
}

function western(group) {
  const [family = "", given = "", middle = "", prefix = "", suffix = ""] = group.split("^").map((part) => part.trim());
  const rest = [prefix, given, middle, suffix].filter(Boolean).join(" ");
  return family && rest ? `${family}, ${rest}` : family || rest;
}
