/* One series as the viewer walks through it: frames in reading order, each with its address. */

import { hasTable, orientation, position } from "./geometry.js";
import { items, number, text } from "./dataset.js";

/* Encodings that the browser's decoders do well. All others are rendered by the server. */
const NATIVE = /^1\.2\.840\.10008\.1\.2(\.1|\.1\.99|\.5|\.8\.1|\.4\.(50|51|57|70|80|81|90|91|201|202|203))?$/;

const images = new Map();

export function imageOf(imageId) {
  return images.get(imageId);
}

export function forget() {
  images.clear();
}

export async function openStack({ share, page, series, signal }) {
  const url = `${page.studyUrl}/series/${series.uid}`;
  const datasets = await share.json(`${url}/metadata`, { signal });
  return new Stack({ page, series, url, datasets });
}

export class Stack {
  #controller = new AbortController();

  constructor({ page, series, url, datasets }) {
    this.series = series;
    this.datasets = inOrder(datasets);
    this.documents = this.datasets.filter((dataset) => !isPicture(dataset));
    this.images = this.datasets.filter(isPicture).flatMap((dataset) => framesOf(this, page, url, dataset));
    this.url = url;
    this.window = null;
    for (const image of this.images) images.set(image.id, image);
  }

  get ids() {
    return this.images.map((image) => image.id);
  }

  get signal() {
    return this.#controller.signal;
  }

  /** Stop what is under way; the next request starts afresh. */
  cancel() {
    this.#controller.abort();
    this.#controller = new AbortController();
  }

  indexOf(instance, frame) {
    const index = this.images.findIndex((image) => image.instance === instance && image.frame === frame);
    return Math.max(index, 0);
  }
}

const PIXELS = ["7FE00010", "7FE00008", "7FE00009"];

function isPicture(dataset) {
  return PIXELS.some((tag) => dataset[tag]) && number(dataset, "00280010") > 0 && number(dataset, "00280011") > 0;
}

function framesOf(stack, page, url, dataset) {
  const count = Math.max(number(dataset, "00280008") ?? 1, 1);
  const instance = text(dataset, "00080018");
  const scheme = page.renderedOnly || needsServer(dataset) ? "rendered" : "frame";
  return Array.from({ length: count }, (_, index) => {
    const address = `${url}/instances/${instance}/frames/${index + 1}`;
    return { id: `${scheme}:${address}`, stack, dataset, instance, frame: index + 1, frames: count, address, scheme };
  });
}

function needsServer(dataset) {
  const syntax = text(dataset, "00083002") || text(dataset, "00020010");
  const bits = number(dataset, "00280100") ?? 8;
  const samples = number(dataset, "00280002") ?? 1;
  const odd = bits !== 8 && (bits !== 16 || samples !== 1);
  const palette = text(dataset, "00280004").startsWith("PALETTE");
  return odd || palette || hasTable(dataset) || (syntax !== "" && !NATIVE.test(syntax));
}

/* Instance number as the scanner gave it; where all are alike, the place along the body. */
function inOrder(datasets) {
  const keyed = datasets.map((dataset, arrival) => ({ dataset, arrival, number: number(dataset, "00200013") ?? 0 }));
  const distinct = new Set(keyed.map((entry) => entry.number)).size;
  const along = distinct > 1 ? () => 0 : depthOf;
  for (const entry of keyed) entry.depth = along(entry.dataset);
  keyed.sort((a, b) => a.number - b.number || a.depth - b.depth || a.arrival - b.arrival);
  return keyed.map((entry) => entry.dataset);
}

function depthOf(dataset) {
  const place = position(dataset, 1);
  const cosines = orientation(dataset, 1);
  if (!place || !cosines) return 0;
  const [a, b, c, d, e, f] = cosines;
  const normal = [b * f - c * e, c * d - a * f, a * e - b * d];
  return place.reduce((sum, value, axis) => sum + value * normal[axis], 0);
}

/** Letters for the four edges of the picture, from the direction cosines; `axes` says how it lies. */
export function edges(image, axes = null) {
  const cosines = orientation(image.dataset, image.frame);
  if (!cosines) return null;
  const right = letters(axes?.right ?? cosines.slice(0, 3));
  const bottom = letters(axes?.below ?? cosines.slice(3));
  return { right, left: opposite(right), bottom, top: opposite(bottom) };
}

function letters(vector) {
  const names = [["L", "R"], ["P", "A"], ["H", "F"]];
  return vector
    .map((value, axis) => ({ size: Math.abs(value), name: names[axis][value > 0 ? 0 : 1] }))
    .filter(({ size }) => size > 0.25)
    .sort((a, b) => b.size - a.size)
    .map(({ name }) => name)
    .join("");
}

function opposite(word) {
  const other = { L: "R", R: "L", P: "A", A: "P", H: "F", F: "H" };
  return [...word].map((letter) => other[letter]).join("");
}

export function isReport(dataset) {
  return items(dataset, "0040A730").length > 0;
}
