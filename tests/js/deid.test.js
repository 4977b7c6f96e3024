import assert from "node:assert/strict";
import { test } from "node:test";
import { shift } from "../../static/js/deid/dates.js";
import { deidentify } from "../../static/js/deid/index.js";
import { keyFrom, Keys, newKey, patientKey } from "../../static/js/deid/keys.js";
import { Known } from "../../static/js/deid/known.js";
import { Rules } from "../../static/js/deid/transform.js";
import { Refusal } from "../../static/js/deid/walk.js";
import { written } from "./deid_rules.js";
import { dataSet, element, part10 } from "./samples.js";

const SECRET = Uint8Array.from({ length: 32 }, (_, at) => at);
const CT = "1.2.840.10008.5.1.4.1.1.2";

const derive = async (ask, key) => {
  const keys = new Keys(key ?? (await keyFrom(SECRET)));
  ask(keys);
  await keys.fetch();
  return ask(keys);
};

const RULES = new Rules(written);

const made = async (content, syntax) => {
  const keys = new Keys(await keyFrom(SECRET));
  const answer = await deidentify(new Blob([part10(content, syntax)]), { rules: RULES, keys });
  return { ...answer, bytes: Buffer.from(await answer.blob.arrayBuffer()), keys };
};

test("the key derives what the server's does", async () => {
  const patient = patientKey({ issuer: "General", number: "GEN-10023" });
  assert.equal(await derive((keys) => keys.uid("1.2.826.0.1.3680043.10.1.7")), "2.25.139118934846421991516164799065876862467");
  assert.equal(await derive((keys) => keys.pseudonym(patient)), "P-PKYKXIPKSMID");
  assert.equal(await derive((keys) => keys.shift(patient)), -867);
  assert.equal(await derive((keys) => keys.code("AccessionNumber", "A26-000417")), "C-6EF33P3ELVIE");
});

test("a key made here cannot be read, and shares nothing with another", async () => {
  const [one, other] = [await newKey(), await newKey()];
  await assert.rejects(crypto.subtle.exportKey("raw", one));
  assert.notEqual(await derive((keys) => keys.uid("1.2.3"), one), await derive((keys) => keys.uid("1.2.3"), other));
});

test("what the standard numbers keeps its number", async () => {
  assert.equal(await derive((keys) => keys.uid(CT)), CT);
  assert.match(await derive((keys) => keys.uid("1.2.840.10008.5.20261101.1")), /^2\.25\./);
});

test("dates move by days, and what is none is told", () => {
  assert.equal(shift("DA", "20240229", -366), "20230228");
  assert.equal(shift("DA", "2024.02.29\\20240301", -366), "2023.02.28\\20230301");
  assert.equal(shift("DA", "18540612", -1), "18540611");
  assert.equal(shift("DA", "00500301", -1), "00500228");
  assert.equal(shift("DA", "20240229-20240301", -366), "20230228-20230301");
  assert.equal(shift("DA", "20240230", -1), null);
  assert.equal(shift("DA", "00010101", -1), null);
  assert.equal(shift("DT", "20240229120000.5-0500", -366), "20230228120000.5-0500");
  assert.equal(shift("DT", "202402", -366), "202302");
  assert.equal(shift("DT", "2024022925", -1), null);
  assert.equal(shift("TM", "235959", -1), "235959");
  assert.equal(shift("AS", "45", -1), null);
});

test("what the header knows is found in other forms", () => {
  const known = new Known({ kinds: { 0x00100020: "number", 0x00100030: "birth" }, nobody: ["anonymous"] });
  known.learn(0x00100010, "PN", "Müller-Stahl^Anna=山田^太郎");
  known.learn(0x00100020, "LO", "GEN-10023");
  known.learn(0x00100030, "DA", "19670314");
  for (const text of ["of A. MULLER", "muller stahl", "MULLERSTAHLANNA", "anna", "山田太郎様", "gen 10023", "14.3.1967", "670314", "amullerstahl"]) assert.ok(known.isIn(text), text);
  for (const text of ["chest", "annual", "10024", "mill", "15.3.1967"]) assert.ok(!known.isIn(text), text);
});

test("makers and placeholders name nobody", () => {
  const known = new Known({ kinds: {}, nobody: ["anonymous"] });
  known.learn(0x00080070, "LO", "Philips Medical");
  known.learn(0x00100010, "PN", "Philips^Anonymous");
  assert.ok(!known.isIn("philips anonymous"));
});

for (const [name, options, syntax] of [["explicit", {}, "1.2.840.10008.1.2.1"], ["implicit", { explicit: false }, "1.2.840.10008.1.2"]]) {
  test(`a file loses who it is (${name})`, async () => {
    const { bytes, keys, changes } = await made(dataSet(options), syntax);
    const all = bytes.toString("latin1");
    for (const gone of ["Sommer", "10012", "20261121", "Thorax", "1.2.3.4"]) assert.ok(!all.includes(gone), gone);
    assert.ok(all.includes(keys.pseudonym(patientKey({ number: "10012" }))));
    assert.ok(all.includes("113100"));
    assert.deepEqual(changes.get(0x0008103e), { before: "Thorax 1.0", after: "" });
    assert.equal(changes.get(0x00100010).before, "Sommer^Anna");
  });
}

test("a text that no rule knows goes if it names the patient", async () => {
  const { bytes } = await made(dataSet({ extra: [[0x00420010, "LO", "Film of SOMMER"]] }));
  assert.ok(!bytes.toString("latin1").includes("SOMMER"));
  const { bytes: kept } = await made(dataSet({ extra: [[0x00420010, "LO", "Film of CHEST"]] }));
  assert.ok(kept.toString("latin1").includes("Film of CHEST"));
});

test("private attributes go, however deep", async () => {
  const inner = element(0x00100010, "PN", "Sommer^Anna");
  const item = element(0xfffee000, "", inner, { explicit: false });
  const { bytes } = await made(dataSet({ extra: [[0x00091001, "LO", "secret"], [0x00091002, "SQ", item]] }));
  assert.ok(!/secret|Sommer/.test(bytes.toString("latin1")));
});

test("pixels are not touched, nor copied", async () => {
  const pixels = Buffer.from(Array.from({ length: 64 }, (_, at) => at));
  const { bytes } = await made(dataSet({ extra: [[0x7fe00010, "OW", pixels]] }));
  assert.deepEqual(bytes.subarray(-64), pixels);
});

const REFUSED = [
  ["a report", dataSet({ without: [0x00080016], extra: [[0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.88.11"]] }), /no image of the kinds/],
  ["a screen", dataSet({ without: [0x00080016], extra: [[0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.7"]] }), /name burned in/],
  ["burned-in text", dataSet({ extra: [[0x00280301, "CS", "YES"]] }), /burned into the picture/],
  ["a length that leads out of the file", dataSet({ extra: [[0x00200020, "CS", "L", { length: 9000 }]] }), /damaged or unusual/],
];

for (const [name, content, said] of REFUSED) {
  test(`${name} is refused in words`, async () => {
    await assert.rejects(made(content), (error) => error instanceof Refusal && said.test(error.message));
  });
}

test("what is deflated, big endian or no DICOM is refused in words", async () => {
  await assert.rejects(made(dataSet(), "1.2.840.10008.1.2.1.99"), Refusal);
  await assert.rejects(made(dataSet(), "1.2.840.10008.1.2.2"), Refusal);
  const keys = new Keys(await keyFrom(SECRET));
  await assert.rejects(deidentify(new Blob(["no image"]), { rules: RULES, keys }), Refusal);
});
