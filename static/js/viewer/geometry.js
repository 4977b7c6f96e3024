/* Where a frame is, how large its pixels are, in which window and at what speed it is shown. */

import { group, item, number, numbers, text } from "./dataset.js";

/** Millimetres between rows and columns, and where that is measured. */
export function spacing(dataset, frame) {
  const measures = group(dataset, frame, "00289110");
  for (const source of [numbers(measures, "00280030"), numbers(dataset, "00280030")]) {
    if (usable(source)) return { rows: source[0], columns: source[1], known: true, projected: false };
  }
  const detector = numbers(dataset, "00181164");
  if (usable(detector)) return { rows: detector[0], columns: detector[1], known: true, projected: true };
  return shapeOnly(dataset);
}

function usable(pair) {
  return pair.length === 2 && pair[0] > 0 && pair[1] > 0;
}

/* Without a size in millimetres the pixels may still be oblong: the picture keeps its shape,
   and lengths are given in pixels. */
function shapeOnly(dataset) {
  const ratio = numbers(dataset, "00280034");
  const rows = usable(ratio) ? ratio[0] / ratio[1] : 1;
  return { rows, columns: 1, known: false, projected: false };
}

export function orientation(dataset, frame) {
  const plane = numbers(group(dataset, frame, "00209116"), "00200037");
  const found = plane.length === 6 ? plane : numbers(dataset, "00200037");
  return found.length === 6 && found.some((cosine) => cosine !== 0) ? found : null;
}

export function position(dataset, frame) {
  const plane = numbers(group(dataset, frame, "00209113"), "00200032");
  const found = plane.length === 3 ? plane : numbers(dataset, "00200032");
  return found.length === 3 ? found : null;
}

export function windowOf(dataset, frame) {
  const own = group(dataset, frame, "00289132");
  const source = numbers(own, "00281050").length ? own : dataset;
  const centers = numbers(source, "00281050");
  const widths = numbers(source, "00281051");
  if (!centers.length || !(widths[0] > 0)) return null;
  return { center: centers[0], width: widths[0], shape: text(source, "00281056") || "LINEAR" };
}

export function rescale(dataset, frame) {
  const own = group(dataset, frame, "00289145");
  const source = own ?? dataset;
  return {
    slope: number(source, "00281053") || 1,
    intercept: number(source, "00281052") ?? 0,
    type: text(source, "00281054"),
  };
}

/** Frames per second that the maker of a clip meant. */
export function speed(dataset) {
  const rate = number(dataset, "00082144") ?? number(dataset, "00180040");
  if (rate > 0) return Math.min(rate, 60);
  const gap = number(dataset, "00181063") ?? numbers(dataset, "00181065")[1];
  return gap > 0 ? Math.min(1000 / gap, 60) : 15;
}

export function hasTable(dataset) {
  return Boolean(item(dataset, "00283010") || item(dataset, "00283000"));
}
