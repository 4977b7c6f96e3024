import assert from "node:assert/strict";
import { test } from "node:test";
import { Inventory, totals } from "../../static/js/upload/inventory.js";
import { alreadyThere, isSame, manifestOf, shelf } from "../../static/js/upload/manifest.js";

const item = (path, size = 100) => ({ path, size });
const image = (series, instance, more = {}) => ({
  kind: "instance", sopInstance: `${series}.${instance}`, study: "1.2", series, patientName: "Sommer^Anna", patientId: "10012",
  birthDate: "19610203", studyDate: "20261121", studyDescription: "", modality: "CT", seriesDescription: "", seriesNumber: 1,
  instanceNumber: instance, ...more,
});

function disc() {
  const inventory = new Inventory();
  inventory.add(item("D/2"), image("1.2.1", 2));
  inventory.add(item("D/1"), image("1.2.1", 1));
  inventory.add(item("D/3", 50), image("1.2.2", 1));
  inventory.add(item("D/DICOMDIR"), { kind: "index" });
  inventory.add(item("D/viewer.exe"), { kind: "other" });
  inventory.add(item("D/odd"), { kind: "unreadable" });
  return inventory;
}

test("a disc is shown as patients, studies and series, and the rest is named", () => {
  const inventory = disc();
  assert.equal(inventory.chosenPatients().length, 1);
  assert.deepEqual([...inventory.allSeries()].map((series) => series.files.length), [2, 1]);
  assert.deepEqual(inventory.skipped.map((row) => row.path), ["D/DICOMDIR", "D/viewer.exe"]);
});

test("images go in the order of their numbers, odd files last", () => {
  assert.deepEqual(disc().chosenFiles().map((file) => file.item.path), ["D/1", "D/2", "D/3", "D/odd"]);
});

test("an unticked series stays here", () => {
  const inventory = disc();
  [...inventory.allSeries()][0].chosen = false;
  assert.deepEqual(totals(inventory.chosenFiles()), { files: 2, bytes: 150 });
});

test("the same folder dropped twice changes nothing", () => {
  const inventory = disc();
  inventory.add(item("D/1"), image("1.2.1", 1));
  assert.equal(inventory.size, 4);
});

test("two patients on one disc are two, also when they share a number", () => {
  const inventory = disc();
  inventory.add(item("E/1"), image("9.9.1", 1, { study: "9.9", patientName: "Bauer^Jens" }));
  assert.equal(inventory.chosenPatients().length, 2);
});

test("the manifest names every file with its digest and its identity", () => {
  const files = disc().chosenFiles();
  const rows = manifestOf(files, new Map([[files[0].item, "ab".repeat(32)]]));
  assert.deepEqual(rows[0], {
    path: "D/1", size: 100, sha256: "ab".repeat(32), sop_instance_uid: "1.2.1.1", series_uid: "1.2.1", study_uid: "1.2",
  });
  assert.deepEqual(rows[3], { path: "D/odd", size: 100, sha256: "", sop_instance_uid: "", series_uid: "", study_uid: "" });
});

test("of several tries at one file the furthest is taken up again", () => {
  const there = alreadyThere([
    { id: "a", path: "D/1", size: 100, offset: 0 },
    { id: "b", path: "D/1", size: 100, offset: 60 },
    { id: "c", path: "D/2", size: 99, offset: 99 },
  ]);
  assert.equal(there(item("D/1")).id, "b");
  assert.equal(there(item("D/2")), null, "another size is another file");
});

test("a file whose answer got lost is found again instead of sent twice", async () => {
  let asked = 0;
  const load = async () => {
    asked += 1;
    return [{ id: "a", path: "D/1", size: 100, offset: 100 }];
  };
  const there = shelf(load, []);
  assert.equal(await there(item("D/1"), { again: false }), null);
  const [first] = await Promise.all([there(item("D/1"), { again: true }), there(item("D/2"), { again: true })]);
  assert.deepEqual([first.id, asked], ["a", 1]);
});

test("a file that changed since is not taken for the one that was sent", () => {
  assert.equal(isSame({ sha256: "aa" }, "bb"), false);
  assert.equal(isSame({ sha256: "" }, "bb"), true);
});
