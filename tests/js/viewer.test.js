/* What the viewer works out for itself: distances, order of reading, words, and when a share ends. */

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { date, person } from "../../static/js/viewer/dataset.js";
import { spacing, speed, windowOf } from "../../static/js/viewer/geometry.js";
import { outward } from "../../static/js/viewer/order.js";
import { patiently } from "../../static/js/patience.js";
import { EndedError, Share } from "../../static/js/viewer/share.js";
import { withoutPicture } from "../../static/js/viewer/report.js";
import { edges, imageOf, Stack } from "../../static/js/viewer/stack.js";
import { mirror, STRAIGHT, turned } from "../../static/js/viewer/turning.js";

const json = (facts) => Object.fromEntries(Object.entries(facts).map(([tag, value]) => [tag, { Value: [value].flat() }]));

const picture = (number, more = {}) =>
  json({ "00280010": 4, "00280011": 4, "00200013": number, "00080018": `1.2.${number}`, "7FE00010": "", "00280100": 16, ...more });

const stackOf = (datasets, page = {}) => new Stack({ page, series: { uid: "1.2", modality: "CT" }, url: "/x", datasets });

test("lengths are in the millimetres of the pixel spacing", () => {
  assert.deepEqual(spacing(json({ "00280030": [0.5, 0.7] }), 1), { rows: 0.5, columns: 0.7, known: true, projected: false });
});

test("on a radiograph they are those at the detector, and marked so", () => {
  assert.deepEqual(spacing(json({ "00181164": [0.1, 0.1] }), 1), { rows: 0.1, columns: 0.1, known: true, projected: true });
});

test("without a size there are only pixels, oblong ones where the file says so", () => {
  assert.deepEqual(spacing(json({ "00280034": [6, 5] }), 1), { rows: 1.2, columns: 1, known: false, projected: false });
  assert.equal(spacing(json({ "00280030": [0, 0] }), 1).known, false);
});

test("a frame of an enhanced image has the window and the spacing of its own group", () => {
  const own = json({ "00289132": json({ "00281050": 40, "00281051": 400 }) });
  const shared = json({ "00289110": json({ "00280030": [2, 2] }) });
  const dataset = { "52009230": { Value: [json({}), own] }, "52009229": { Value: [shared] } };
  assert.deepEqual(windowOf(dataset, 2), { center: 40, width: 400, shape: "LINEAR" });
  assert.equal(windowOf(dataset, 1), null);
  assert.equal(spacing(dataset, 1).rows, 2);
});

test("a window without a width is no window", () => {
  assert.equal(windowOf(json({ "00281050": 40, "00281051": 0 }), 1), null);
});

test("a clip plays as fast as its maker meant, within reason", () => {
  assert.equal(speed(json({ "00181063": 40 })), 25);
  assert.equal(speed(json({ "00180040": 500 })), 60);
  assert.equal(speed(json({})), 15);
});

test("images are read in the order of their numbers, whatever order they come in", () => {
  assert.deepEqual(stackOf([picture(10), picture(2), picture(1)]).images.map((image) => image.instance), ["1.2.1", "1.2.2", "1.2.10"]);
});

test("where all numbers are alike, the place in the body decides", () => {
  const at = (z, uid) => picture(1, { "00080018": uid, "00200032": [0, 0, z], "00200037": [1, 0, 0, 0, 1, 0] });
  assert.deepEqual(stackOf([at(30, "c"), at(10, "a"), at(20, "b")]).images.map((image) => image.instance), ["a", "b", "c"]);
});

test("every frame of a clip is an image of its own", () => {
  const stack = stackOf([picture(1, { "00280008": 3 }), picture(2)]);
  assert.deepEqual(stack.images.map(({ instance, frame }) => [instance, frame]), [["1.2.1", 1], ["1.2.1", 2], ["1.2.1", 3], ["1.2.2", 1]]);
  assert.equal(stack.indexOf("1.2.1", 3), 2);
  assert.equal(imageOf(stack.ids[3]).instance, "1.2.2");
});

test("a report in a series is no image", () => {
  const stack = stackOf([json({ "00080018": "1.9", "0040A730": {} }), picture(1)]);
  assert.equal(stack.images.length, 1);
  assert.equal(stack.documents.length, 1);
});

test("a view-only page asks for no stored pixels, ever", () => {
  const stack = stackOf([picture(1), picture(2, { "00280008": 5 })], { renderedOnly: true });
  assert.ok(stack.ids.every((id) => id.startsWith("rendered:")));
});

test("what browsers decode badly is drawn by the server", () => {
  const scheme = (more) => stackOf([picture(1, more)]).images[0].scheme;
  assert.equal(scheme({}), "frame");
  assert.equal(scheme({ "00083002": "1.2.840.10008.1.2.4.90" }), "frame");
  assert.equal(scheme({ "00083002": "1.2.840.10008.1.2.4.102" }), "rendered");
  assert.equal(scheme({ "00280004": "PALETTE COLOR" }), "rendered");
  assert.equal(scheme({ "00280100": 1 }), "rendered");
  assert.equal(scheme({ "00280100": 32 }), "rendered");
});

test("the edges of an axial image are right, left, front and back of the patient", () => {
  const [image] = stackOf([picture(1, { "00200037": [1, 0, 0, 0, 1, 0] })]).images;
  assert.deepEqual(edges(image), { right: "L", left: "R", bottom: "P", top: "A" });
  assert.equal(edges(stackOf([picture(1)]).images[0]), null);
});

test("what is next in the direction of reading is fetched first, and everything once", () => {
  assert.deepEqual(outward(6, 2, 1), [3, 4, 5, 1, 0]);
  assert.deepEqual(outward(5, 4, -1), [3, 2, 1, 0]);
  assert.deepEqual(new Set(outward(40, 17, 1)).size, 39);
});

test("names and dates are written as people write them", () => {
  assert.equal(person({ Alphabetic: "Probe^Petra^Maria" }), "Probe, Petra Maria");
  assert.equal(person({ Ideographic: "山田^太郎" }), "山田, 太郎");
  assert.equal(date("20240229"), "29 Feb 2024");
  assert.equal(date("20241399"), "20241399");
  assert.equal(date("2024"), "2024");
});

test("an image that came without its picture says so, and what to do", () => {
  const dataset = json({ "00280010": 512, "00280011": 512, "00080018": "1.2.1" });
  const stack = stackOf([dataset]);
  assert.equal(stack.images.length, 0);
  assert.match(withoutPicture(stack, dataset), /no picture is in it\. Ask the sender/);
  const plan = { ...stack, series: { modality: "RTPLAN" } };
  assert.equal(withoutPicture(plan, json({})), "Radiotherapy plan: there is no picture to show.");
});

test("the letters at the edges follow a picture that is turned or mirrored", () => {
  const [image] = stackOf([picture(1, { "00200037": [1, 0, 0, 0, 1, 0] })]).images;
  assert.deepEqual(edges(image, { right: [0, -1, 0], below: [1, 0, 0] }), { right: "A", left: "P", bottom: "L", top: "R" });
  assert.deepEqual(edges(image, { right: [-1, 0, 0], below: [0, 1, 0] }), { right: "R", left: "L", bottom: "P", top: "A" });
});

test("four turns are none, and two mirrors neither", () => {
  const once = turned(STRAIGHT, 90);
  assert.deepEqual([1, 2, 3].reduce((lie) => turned(lie, 90), once), STRAIGHT);
  assert.deepEqual(turned(once, -90), STRAIGHT);
  assert.deepEqual(mirror(mirror(once)), once);
});

test("a picture on its side that is mirrored is turned the other way first, or it would stand on its head", () => {
  assert.deepEqual(mirror(turned(STRAIGHT, 90)), { rotation: 270, mirrored: true });
  assert.deepEqual(mirror(STRAIGHT), { rotation: 0, mirrored: true });
});

const real = globalThis.fetch;
afterEach(() => {
  globalThis.fetch = real;
});

function answering(answers) {
  const asked = [];
  globalThis.fetch = async (url) => {
    asked.push(url);
    const status = answers[url];
    if (status === undefined) throw new TypeError("Failed to fetch");
    return { ok: status < 300, status, type: "basic", json: async () => [] };
  };
  return asked;
}

test("a refused frame ends the share when the share itself is gone", async () => {
  answering({ "/frame": 404, "/alive": 404 });
  const share = new Share({ alive: "/alive" });
  const ends = [];
  share.addEventListener("ended", ({ detail }) => ends.push(detail.reason));
  await assert.rejects(share.fetch("/frame"), EndedError);
  assert.deepEqual(ends, ["share"]);
  await assert.rejects(share.fetch("/other"), EndedError);
});

test("a single missing frame does not end it", async () => {
  answering({ "/frame": 404, "/alive": 204 });
  const share = new Share({ alive: "/alive" });
  await assert.rejects(share.fetch("/frame"), { status: 404 });
  assert.equal(share.ended, false);
});

test("a lost connection is said, and does not end it", async () => {
  answering({});
  const share = new Share({ alive: "/alive" });
  const told = [];
  share.addEventListener("connection", ({ detail }) => told.push(detail.online));
  for (let time = 0; time < 3; time += 1) await share.check();
  assert.equal(share.ended, false);
  assert.deepEqual(told, [false]);
});

test("a member whose sign-in has ended is told so", async () => {
  answering({ "/frame": 401 });
  const share = new Share({ alive: "" });
  const ends = [];
  share.addEventListener("ended", ({ detail }) => ends.push(detail.reason));
  await assert.rejects(share.fetch("/frame"), EndedError);
  assert.deepEqual(ends, ["signed-out"]);
});

const busy = { ok: false, status: 503, headers: new Headers({ "Retry-After": "2" }) };
const given = { ok: true, status: 200, headers: new Headers() };

test("a picture that the server was too busy for is asked for again, after as long as it said", async () => {
  const [answers, rests] = [[busy, busy, given], []];
  const answer = await patiently(async () => answers.shift(), { rest: async (time) => rests.push(time) });
  assert.equal(answer, given);
  assert.ok(rests.length === 2 && rests.every((time) => time >= 1000 && time <= 3000), String(rests));
});

test("a server that stays busy is left alone in the end, and one that is broken at once", async () => {
  let asked = 0;
  const always = (answer) => async () => (asked += 1) && answer;
  assert.equal(await patiently(always(busy), { rest: async () => {} }), busy);
  assert.equal(asked, 5);
  const broken = { ok: false, status: 503, headers: new Headers() };
  assert.equal(await patiently(always(broken), { rest: () => assert.fail("it waited") }), broken);
});

test("whoever scrolls on does not wait for the picture that they left", async () => {
  const stop = new AbortController();
  const waiting = patiently(async () => busy, { signal: stop.signal });
  stop.abort(new Error("scrolled on"));
  await assert.rejects(waiting, /scrolled on/);
});

test("the viewer's requests wait while the server is busy", async () => {
  const soon = { ok: false, status: 503, headers: new Headers({ "Retry-After": "0.001" }) };
  const answers = [soon, given];
  globalThis.fetch = async () => answers.shift();
  assert.equal(await new Share({ alive: "" }).fetch("/frame"), given);
});
