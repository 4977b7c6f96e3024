/* Scroll together: other areas follow the one in hand, by place in the body where both know it,
   else by the same number of images. */

import { orientation, position } from "./geometry.js";
import { text } from "./dataset.js";

export function follow(leader, others, delta) {
  for (const pane of others) {
    if (!pane.image) continue;
    const index = matching(leader.image, pane);
    pane.goTo(index ?? pane.wanted + delta);
  }
}

function matching(image, pane) {
  const normal = normalOf(image);
  if (!normal || !sameSpace(image, pane.image) || !parallel(normal, normalOf(pane.image))) return null;
  const depth = along(normal, image);
  const depths = pane.stack.images.map((other) => Math.abs(along(normal, other) - depth));
  return depths.indexOf(Math.min(...depths));
}

function sameSpace(a, b) {
  const frame = text(a.dataset, "00200052");
  return frame !== "" && frame === text(b.dataset, "00200052");
}

function normalOf(image) {
  const cosines = orientation(image.dataset, image.frame);
  if (!cosines || !position(image.dataset, image.frame)) return null;
  const [a, b, c, d, e, f] = cosines;
  return [b * f - c * e, c * d - a * f, a * e - b * d];
}

function parallel(a, b) {
  return b !== null && Math.abs(dot(a, b)) > 0.98;
}

function along(normal, image) {
  return dot(normal, position(image.dataset, image.frame) ?? [0, 0, 0]);
}

function dot(a, b) {
  return a.reduce((sum, value, axis) => sum + value * b[axis], 0);
}
