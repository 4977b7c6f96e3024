/* Two ways for a frame to reach the screen. `frame:` fetches the stored frame and decodes it in a
   worker; `rendered:` takes the server's picture and maps its greys back to the values that they
   stand for, so that contrast and measuring work alike for both. */

import { getShouldUseCPURendering, imageLoader, utilities } from "@cornerstonejs/core";
import { createImage } from "@cornerstonejs/dicom-image-loader";
import { number, text } from "./dataset.js";
import { spacing, windowOf } from "./geometry.js";
import { imageOf } from "./stack.js";
import { EndedError } from "./share.js";

const LITTLE_ENDIAN = "1.2.840.10008.1.2.1";
const ASK_FRAME = 'application/octet-stream; transfer-syntax=*';
const RARE = 0.005;
const SAMPLE = 60000;
const ASK_PICTURE = "image/png, image/jpeg;q=0.8";

export function registerLoaders(share) {
  imageLoader.registerImageLoader("frame", (id, options) => ({ promise: loadFrame(share, id, options) }));
  imageLoader.registerImageLoader("rendered", (id, options) => ({ promise: loadRendered(share, id, options) }));
}

async function loadFrame(share, id, options) {
  const image = imageOf(id);
  const answer = await share.fetch(image.address, { accept: ASK_FRAME, signal: image.stack.signal });
  const bytes = new Uint8Array(await answer.arrayBuffer());
  try {
    return shown(image, await decode(id, image, bytes, syntaxOf(answer), options));
  } catch (error) {
    if (error instanceof EndedError) throw error;
    return loadRendered(share, id, options);
  }
}

/* A damaged file may hold fewer bytes than its rows and columns promise: the server's renderer
   says so in words, a silent black picture would not. */
function decode(id, image, bytes, syntax, options) {
  const { dataset } = image;
  const size = (number(dataset, "00280010") * number(dataset, "00280011") * (number(dataset, "00280100") ?? 8)
    * (number(dataset, "00280002") ?? 1)) / 8;
  if (syntax === LITTLE_ENDIAN && bytes.length < size && !text(dataset, "00280004").includes("422")) {
    throw new Error("The stored frame is shorter than its header says");
  }
  return createImage(id, bytes, syntax, options);
}

/* Without a window of its own, or with one that shows nothing of it, an image gets the window
   that the server would draw it in: all values but the rarest. */
function shown(image, made) {
  const own = windowOf(image.dataset, image.frame);
  const seen = own && made.minPixelValue < own.center + own.width / 2 && made.maxPixelValue > own.center - own.width / 2;
  if (made.color || seen) return made;
  const { low, high } = commonest(made.getPixelData());
  const width = Math.max(high - low, 1);
  return Object.assign(made, { windowCenter: (low + high) / 2, windowWidth: width });
}

function commonest(pixels) {
  const step = Math.max(1, Math.floor(pixels.length / SAMPLE));
  const sample = Float64Array.from({ length: Math.floor(pixels.length / step) }, (_, at) => pixels[at * step]).sort();
  const at = (share) => sample[Math.round(share * (sample.length - 1))] ?? 0;
  const [low, high] = [at(RARE), at(1 - RARE)];
  return high > low ? { low, high } : { low: sample[0] ?? 0, high: sample.at(-1) ?? 1 };
}

function syntaxOf(answer) {
  const found = /transfer-syntax="?([\d.]+)/.exec(answer.headers.get("Content-Type") ?? "");
  return found ? found[1] : LITTLE_ENDIAN;
}

async function loadRendered(share, id, options = {}) {
  const image = imageOf(id);
  const window = windowFor(image);
  const answer = await share.fetch(renderedUrl(image, window), { accept: ASK_PICTURE, signal: image.stack.signal });
  const picture = await createImageBitmap(await answer.blob(), { colorSpaceConversion: "none" });
  const pixels = pixelsOf(picture);
  picture.close();
  return isColour(image.dataset, pixels.data) ? colour(id, image, pixels, options) : grey(id, image, pixels, window);
}

export function windowFor(image) {
  return image.stack.window ?? windowOf(image.dataset, image.frame);
}

export function renderedUrl(image, window) {
  const words = window ? `?window=${window.center},${window.width},linear` : "";
  return `${image.address}/rendered${words}`;
}

function pixelsOf(picture) {
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(picture, 0, 0);
  return context.getImageData(0, 0, picture.width, picture.height);
}

function isColour(dataset, data) {
  const samples = number(dataset, "00280002") ?? 1;
  if (samples > 1 || text(dataset, "00280004").startsWith("PALETTE")) return true;
  for (let at = 0; at < data.length; at += 4) if (data[at] !== data[at + 1] || data[at] !== data[at + 2]) return true;
  return false;
}

/* Grey 0 to 255 covers the window that was asked for: value = lower + grey / 255 × width. Plain
   drawing looks whole numbers up in a table and takes slope and intercept beside them; a graphics
   card wants the values themselves. */
function grey(id, image, pixels, window) {
  const inverted = text(image.dataset, "00280004") === "MONOCHROME1";
  const shown = window ?? { center: 127.5, width: 255 };
  const scale = { slope: shown.width / 255, intercept: shown.center - shown.width / 2 };
  const greys = greysOf(pixels.data, inverted);
  const plain = getShouldUseCPURendering();
  const scalars = plain ? greys : Float32Array.from(greys, (level) => scale.intercept + level * scale.slope);
  const made = { ...common(id, image, pixels, scalars, 1), ...levels(shown), color: false, rgba: false, invert: inverted };
  if (plain) return { ...made, ...scale, ...range(0, 255) };
  return { ...made, ...range(scale.intercept, shown.width) };
}

function greysOf(data, inverted) {
  const greys = new Uint8Array(data.length / 4);
  for (let at = 0; at < greys.length; at += 1) greys[at] = inverted ? 255 - data[at * 4] : data[at * 4];
  return greys;
}

function range(lower, width) {
  return { minPixelValue: lower, maxPixelValue: lower + width };
}

function levels({ center, width }) {
  return { windowCenter: center, windowWidth: width };
}

function colour(id, image, pixels, { useRGBA }) {
  const scalars = useRGBA ? pixels.data : withoutAlpha(pixels.data);
  const made = common(id, image, pixels, scalars, useRGBA ? 4 : 3);
  return { ...made, ...range(0, 255), ...levels({ center: 128, width: 256 }), color: true, rgba: Boolean(useRGBA), invert: false, getCanvas: () => canvasOf(pixels) };
}

function withoutAlpha(data) {
  const scalars = new Uint8ClampedArray((data.length / 4) * 3);
  for (let from = 0, to = 0; from < data.length; from += 4) {
    scalars[to++] = data[from];
    scalars[to++] = data[from + 1];
    scalars[to++] = data[from + 2];
  }
  return scalars;
}

function canvasOf(pixels) {
  const canvas = document.createElement("canvas");
  canvas.width = pixels.width;
  canvas.height = pixels.height;
  canvas.getContext("2d").putImageData(pixels, 0, 0);
  return canvas;
}

function common(id, image, pixels, scalars, components) {
  const { width, height } = pixels;
  const size = spacing(image.dataset, image.frame);
  const voxelManager = utilities.VoxelManager.createImageVoxelManager({ scalarData: scalars, width, height, numberOfComponents: components });
  return {
    imageId: id,
    dataType: scalars.constructor.name,
    rows: height,
    columns: width,
    height,
    width,
    rowPixelSpacing: size.rows,
    columnPixelSpacing: size.columns,
    slope: 1,
    intercept: 0,
    voiLUTFunction: "LINEAR",
    sizeInBytes: scalars.byteLength,
    numberOfComponents: components,
    imageFrame: { photometricInterpretation: components === 1 ? "MONOCHROME2" : "RGB" },
    voxelManager,
    getPixelData: () => scalars,
    renderedByServer: true,
  };
}
