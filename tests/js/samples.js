/* DICOM files written here, byte by byte, so that the tests need none. */
const LONG = new Set(["OB", "OW", "SQ", "UN", "UT"]);

const bytesOf = (value) => {
  if (value instanceof Uint8Array) return value;
  const text = Buffer.from(value, "latin1");
  return text.length % 2 ? Buffer.concat([text, Buffer.from(value.includes(".") ? "\0" : " ")]) : text;
};

const u16 = (value, little) => {
  const out = Buffer.alloc(2);
  little ? out.writeUInt16LE(value) : out.writeUInt16BE(value);
  return out;
};

const u32 = (value, little) => {
  const out = Buffer.alloc(4);
  little ? out.writeUInt32LE(value) : out.writeUInt32BE(value);
  return out;
};

/** One element; `length` overrides the true one. */
export function element(tag, vr, value, { explicit = true, little = true, length } = {}) {
  const data = bytesOf(value);
  const size = length ?? data.length;
  const head = [u16(tag >>> 16, little), u16(tag & 0xffff, little)];
  if (!explicit) head.push(u32(size, little));
  else if (LONG.has(vr)) head.push(Buffer.from(vr), u16(0, little), u32(size, little));
  else head.push(Buffer.from(vr), u16(size, little));
  return Buffer.concat([...head, data]);
}

const VALUES = [
  [0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2"], [0x00080018, "UI", "1.2.3.4.5"], [0x00080020, "DA", "20261121"],
  [0x00080060, "CS", "CT"], [0x0008103e, "LO", "Thorax 1.0"], [0x00100010, "PN", "Sommer^Anna"],
  [0x00100020, "LO", "10012"], [0x0020000d, "UI", "1.2.3"], [0x0020000e, "UI", "1.2.3.4"], [0x00200011, "IS", "2"],
  [0x00200013, "IS", "17"],
];

/** A data set of a CT instance; `extra` elements are sorted in, `without` tags left out. */
export function dataSet({ extra = [], without = [], ...options } = {}) {
  const all = [...VALUES.filter(([tag]) => !without.includes(tag)), ...extra].toSorted((a, b) => a[0] - b[0]);
  return Buffer.concat(all.map(([tag, vr, value, more]) => (Buffer.isBuffer(tag) ? tag : element(tag, vr, value, { ...options, ...more }))));
}

/** A Part 10 file around a data set. */
export function part10(content, syntax = "1.2.840.10008.1.2.1") {
  return Buffer.concat([Buffer.alloc(128), Buffer.from("DICM"), element(0x00020010, "UI", syntax), content]);
}
