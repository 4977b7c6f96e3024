import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateRawSync } from "node:zlib";
import { readHeader } from "../../static/js/upload/header.js";
import { inspect } from "../../static/js/upload/inspect.js";
import { dataSet, element, part10 } from "./samples.js";

const whole = { whole: true };
const item = (bytes) => ({ path: "a", size: bytes.length, read: async (count) => new Uint8Array(bytes.subarray(0, count)) });

test("an image tells whose it is and which series it belongs to", () => {
  const header = readHeader(part10(dataSet()), whole);
  assert.equal(header.kind, "instance");
  assert.deepEqual(
    [header.patientName, header.patientId, header.study, header.series, header.sopInstance, header.modality, header.seriesNumber, header.instanceNumber],
    ["Sommer^Anna", "10012", "1.2.3", "1.2.3.4", "1.2.3.4.5", "CT", 2, 17],
  );
});

for (const [kind, options, syntax] of [
  ["implicit", { explicit: false }, "1.2.840.10008.1.2"],
  ["big endian", { little: false }, "1.2.840.10008.1.2.2"],
]) {
  test(`an image stored ${kind} is read as well`, () => {
    assert.equal(readHeader(part10(dataSet(options), syntax), whole).patientName, "Sommer^Anna");
  });

  test(`an image stored ${kind} without preamble and meta is read as well`, () => {
    assert.equal(readHeader(dataSet(options), whole).series, "1.2.3.4");
  });
}

test("a deflated image is inflated for its header", async () => {
  const file = part10(deflateRawSync(dataSet()), "1.2.840.10008.1.2.1.99");
  assert.equal((await inspect(item(file))).patientName, "Sommer^Anna");
});

test("a deflated image of which only the beginning was read still shows its header", async () => {
  const tail = Array.from({ length: 400_000 }, (_, at) => (at * 2654435761) >>> 24);
  const content = Buffer.concat([dataSet(), element(0x7fe00010, "OW", Uint8Array.from(tail))]);
  const file = part10(deflateRawSync(content), "1.2.840.10008.1.2.1.99");
  assert.equal((await inspect(item(file))).modality, "CT");
});

test("sequences of undefined length are stepped over, nested ones too", () => {
  const item = (content) => Buffer.concat([Buffer.from([0xfe, 0xff, 0x00, 0xe0, 255, 255, 255, 255]), content, Buffer.from([0xfe, 0xff, 0x0d, 0xe0, 0, 0, 0, 0])]);
  const end = Buffer.from([0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0]);
  const sequence = (tag, content) => Buffer.concat([element(tag, "SQ", "", { length: 0xffffffff }), item(content), end]);
  const inner = sequence(0x00400008, element(0x00080060, "CS", "XX"));
  const file = part10(Buffer.concat([sequence(0x00080006, inner), dataSet()]));
  assert.equal(readHeader(file, whole).modality, "CT");
});

test("a header behind a large private element asks for more of the file, and gets it", async () => {
  const file = part10(dataSet({ extra: [[0x00091010, "OB", new Uint8Array(300_000)]] }));
  assert.equal(readHeader(file.subarray(0, 65536)).kind, "more");
  assert.equal((await inspect(item(file))).series, "1.2.3.4");
});

test("a disc's table of contents is known as such", () => {
  const index = Buffer.concat([element(0x00041130, "CS", "DISC"), element(0x00041220, "SQ", "")]);
  assert.equal(readHeader(part10(index), whole).kind, "index");
});

test("a file with the DICOM mark that makes no sense is left to the server's check", () => {
  const lying = part10(element(0x00080005, "LO", "ISO_IR 100", { length: 60000 }));
  assert.equal(readHeader(lying, whole).kind, "unreadable");
  assert.equal(readHeader(part10(dataSet({ without: [0x00080018] })), whole).kind, "unreadable");
});

test("a sequence that never ends costs no more than its bytes", () => {
  const open = Buffer.concat(Array.from({ length: 5000 }, () => element(0x00080006, "SQ", "", { length: 0xffffffff })));
  assert.equal(readHeader(part10(open), whole).kind, "unreadable");
});

test("what else lies on a disc is not taken for an image", () => {
  for (const text of ["", "MZ\x90\0 a program", "[autorun]\nopen=viewer.exe", "\x89PNG\r\n\x1a\n0000IHDR and so on and on"]) {
    assert.equal(readHeader(Buffer.from(text, "latin1"), whole).kind, "other", text);
  }
});
