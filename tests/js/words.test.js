import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "../../static/js/links/locator.js";
import { Rate, size, timeLeft } from "../../static/js/upload/rate.js";

test("sizes and times are said as people say them", () => {
  assert.deepEqual([0, 999, 1500, 157_286_400, 3_200_000_000].map(size), ["0 bytes", "999 bytes", "1.5 kB", "157 MB", "3.2 GB"]);
  assert.deepEqual([2, 18, 58, 240, 7300].map(timeLeft), [
    "a few seconds left", "about 20 seconds left", "about 1 minute left", "about 4 minutes left", "about 2 hours left",
  ]);
});

test("the speed is that of the last seconds, and unknown at first", () => {
  const rate = new Rate();
  rate.note(0, 0);
  assert.equal(rate.speed, null);
  for (let second = 1; second <= 60; second += 1) rate.note(second < 40 ? 0 : (second - 40) * 1000, second * 1000);
  assert.equal(rate.speed, 1000);
});

const PAIR = { id: "a".repeat(22), secret: "b".repeat(43) };
const locator = `${PAIR.id}.${PAIR.secret}`;

test("a link is understood however it was pasted", () => {
  for (const text of [`#${locator}`, `https://handover.example/s#${locator}`, `  ${locator}\n`]) assert.deepEqual(parse(text), PAIR);
});

test("half a link is no link", () => {
  for (const text of ["", "https://handover.example/s", `#${PAIR.id}`, `#${PAIR.id}.short`, `#${locator}.more`]) assert.equal(parse(text), null);
});
