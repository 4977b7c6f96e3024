import assert from "node:assert/strict";
import { test } from "node:test";
import { Keys, newKey } from "../../static/js/deid/keys.js";
import { Cleaning, shown } from "../../static/js/upload/cleaning.js";
import { written } from "./deid_rules.js";
import { dataSet, part10 } from "./samples.js";

const itemOf = (bytes, path = "Sommer/IM1") => ({ path, size: bytes.length, modified: 1, blob: async () => new Blob([bytes]) });
const fileOf = (bytes, path) => ({ item: itemOf(bytes, path), header: { sopInstance: "1.2.3.4.5", series: "1.2.3.4", study: "1.2.3", instanceNumber: 17 } });
const begun = async () => new Cleaning(written, new Keys(await newKey()));

test("what is sent has another name, other numbers and no patient", async () => {
  const cleaning = await begun();
  const { files: [{ item, header }], refused } = await cleaning.all([fileOf(part10(dataSet()))]);
  const blob = await item.blob();
  assert.deepEqual(refused, []);
  assert.equal(item.path, "images/000001.dcm");
  assert.equal(item.size, blob.size);
  assert.ok(!Buffer.from(await blob.arrayBuffer()).toString("latin1").includes("Sommer"));
  assert.match(header.study, /^2\.25\./);
  assert.equal(header.instanceNumber, 17);
});

test("each time it is asked for it is the same bytes", async () => {
  const { files: [{ item }] } = await (await begun()).all([fileOf(part10(dataSet()))]);
  const [one, other] = [await item.blob(), await item.blob()];
  assert.deepEqual(await one.arrayBuffer(), await other.arrayBuffer());
});

test("what cannot be cleaned stays, with its reason", async () => {
  const gone = { path: "IM3", size: 1, blob: async () => { throw new DOMException("", "NotFoundError"); } };
  const { files, refused } = await (await begun()).all([
    fileOf(part10(dataSet()), "IM1"), fileOf(part10(dataSet({ extra: [[0x00280301, "CS", "YES"]] })), "IM2"), { item: gone, header: {} },
  ]);
  assert.equal(files.length, 1);
  assert.deepEqual(refused, [
    { path: "IM2", reason: "Text is burned into the picture." }, { path: "IM3", reason: "It could not be read from your disk." },
  ]);
});

test("a person sees what becomes of the name", async () => {
  const cleaning = await begun();
  const rows = shown(await cleaning.one(fileOf(part10(dataSet()))));
  const name = rows.find(({ label }) => label === "Name");
  assert.equal(name.before, "Sommer, Anna");
  assert.match(name.after, /^P-/);
  assert.equal(rows.find(({ label }) => label === "Series").after, "");
});

test("another page has another key", async () => {
  const file = fileOf(part10(dataSet()));
  const [one, other] = [await (await begun()).one(file), await (await begun()).one(file)];
  assert.notEqual(one.file.header.study, other.file.header.study);
});
