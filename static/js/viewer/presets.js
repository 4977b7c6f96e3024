/* Contrast presets: the usual ones of CT, and what the images themselves propose. */

import { number, numbers, values } from "./dataset.js";

const CT = [
  { name: "Soft tissue", center: 40, width: 400 },
  { name: "Lung", center: -600, width: 1500 },
  { name: "Bone", center: 480, width: 2500 },
  { name: "Brain", center: 40, width: 80 },
];

export function presetsFor(image) {
  if (!image) return [];
  const usual = image.stack.series.modality === "CT" ? CT : [];
  return [...stored(image.dataset), ...usual];
}

function stored(dataset) {
  const centers = numbers(dataset, "00281050");
  const widths = numbers(dataset, "00281051");
  const words = values(dataset, "00281055");
  return centers.slice(0, 4).flatMap((center, at) =>
    widths[at] > 0 ? [{ name: named(words[at], at), center, width: widths[at] }] : [],
  );
}

function named(word, at) {
  const clean = typeof word === "string" ? word.trim() : "";
  return clean ? `As stored: ${clean.toLowerCase()}` : at ? `As stored (${at + 1})` : "As stored";
}

export function isColourSeries(image) {
  return (number(image.dataset, "00280002") ?? 1) > 1;
}
