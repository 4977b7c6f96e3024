import assert from "node:assert/strict";
import { test } from "node:test";
import { rectangle } from "../../static/js/review.js";

const SHOWN = { width: 440, height: 512 };
const SIZE = { columns: 880, rows: 1024 };

test("a rectangle is in pixels of the picture, however large it is shown", () => {
  const found = rectangle({ x: 10, y: 20 }, { x: 30, y: 50 }, SHOWN, SIZE);
  assert.deepEqual(found, { x: 20, y: 40, width: 40, height: 60 });
});

test("it is the same from whichever corner it is drawn", () => {
  const one = rectangle({ x: 10, y: 20 }, { x: 30, y: 50 }, SHOWN, SIZE);
  assert.deepEqual(rectangle({ x: 30, y: 50 }, { x: 10, y: 20 }, SHOWN, SIZE), one);
});

test("it ends where the picture ends, and covers every pixel that was touched", () => {
  const found = rectangle({ x: -5, y: 500.2 }, { x: 9999, y: 9999 }, SHOWN, SIZE);
  assert.deepEqual(found, { x: 0, y: 1000, width: 880, height: 24 });
});
