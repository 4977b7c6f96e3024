/* A disc's table of contents: what it names, and what of that is not here. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { filesNamed, missingFrom } from "../../static/js/upload/contents.js";
import { inspect } from "../../static/js/upload/inspect.js";
import { Inventory } from "../../static/js/upload/inventory.js";
import { element, part10 } from "./samples.js";

const UNDEFINED = 0xffffffff;
const mark = (number, size) => Buffer.from([0xfe, 0xff, number, 0xe0, size & 255, (size >>> 8) & 255, (size >>> 16) & 255, size >>> 24]);
const END_ITEM = mark(0x0d, 0);
const END_ALL = mark(0xdd, 0);

const inUse = (value) => element(0x00041410, "US", Uint8Array.from([value & 255, value >>> 8]));
const record = (name, { used = 0xffff, more = [] } = {}) =>
  Buffer.concat([element(0x00041400, "UL", new Uint8Array(4)), inUse(used), element(0x00041430, "CS", "IMAGE"), ...(name ? [element(0x00041500, "CS", name)] : []), ...more]);

const open = (content) => Buffer.concat([mark(0x00, UNDEFINED), content, END_ITEM]);
const closed = (content) => Buffer.concat([mark(0x00, content.length), content]);

function table(records, { wrap = closed, sized = true } = {}) {
  const content = Buffer.concat(records.map(wrap));
  const sequence = sized ? element(0x00041220, "SQ", content) : Buffer.concat([element(0x00041220, "SQ", "", { length: UNDEFINED }), content, END_ALL]);
  return part10(Buffer.concat([element(0x00041130, "CS", "DISC"), sequence]));
}

const file = (path, bytes) => ({ path, size: bytes.length, read: async (count) => new Uint8Array(bytes.subarray(0, count)) });

for (const [how, options] of [["with lengths", {}], ["with delimiters", { wrap: open, sized: false }]]) {
  test(`the files that a table names are read, ${how}`, () => {
    const icon = element(0x00880200, "SQ", Buffer.concat([mark(0x00, 8), element(0x00280010, "US", "")]));
    const bytes = table([record(""), record("IMAGES\\CT\\IM0001 ", { more: [icon] }), record("IMAGES\\CT\\IM0002")], options);
    assert.deepEqual(filesNamed(bytes), ["IMAGES/CT/IM0001", "IMAGES/CT/IM0002"]);
  });
}

test("a record that was struck out names nothing", () => {
  assert.deepEqual(filesNamed(table([record("A\\1", { used: 0 }), record("A\\2")])), ["A/2"]);
});

test("a table that breaks off tells what it told until then", () => {
  const bytes = table([record("A\\1"), record("A\\2")]);
  assert.deepEqual(filesNamed(bytes.subarray(0, bytes.length - 6)), ["A/1"]);
  for (let end = 0; end < bytes.length; end += 1) assert.ok(filesNamed(bytes.subarray(0, end)).length < 3);
});

test("a length that lies leads nowhere", () => {
  const lying = part10(Buffer.concat([element(0x00041220, "SQ", "", { length: 0xfffffff0 }), mark(0x00, 0x7fffffff), element(0x00041500, "CS", "A", { length: 60000 })]));
  assert.deepEqual(filesNamed(lying), []);
  const deep = part10(Buffer.concat(Array.from({ length: 5000 }, () => element(0x00041220, "SQ", "", { length: UNDEFINED }))));
  assert.deepEqual(filesNamed(deep), []);
});

test("what is not on the disc is named, and what is there under a mount's spelling is not", () => {
  const tables = [{ path: "disc/DICOMDIR", files: ["IMAGES/IM1", "IMAGES/IM2", "IMAGES/IM3", "IMAGES/IM4"] }];
  const here = ["disc/DICOMDIR", "disc/images/im1", "disc/IMAGES/IM2.dcm", "disc/IMAGES/IM3.;1", "other/IMAGES/IM4"];
  assert.deepEqual(missingFrom(tables, here), ["disc/IMAGES/IM4"]);
});

test("files that were picked one by one lie beside their table", () => {
  assert.deepEqual(missingFrom([{ path: "DICOMDIR", files: ["A/B/IM1", "A/B/IM2"] }], ["DICOMDIR", "IM1"]), ["A/B/IM2"]);
});

test("what was missing and is dropped afterwards is missing no more", async () => {
  const bytes = table([record("CT\\1"), record("CT\\2")]);
  const header = await inspect(file("disc/DICOMDIR", bytes));
  const inventory = new Inventory();
  inventory.add(file("disc/DICOMDIR", bytes), header);
  inventory.add(file("disc/CT/1", Buffer.from("x")), { kind: "unreadable" });
  assert.deepEqual(inventory.missing(), ["disc/CT/2"]);
  inventory.add(file("disc/CT/2", Buffer.from("x")), { kind: "unreadable" });
  assert.deepEqual(inventory.missing(), []);
});
