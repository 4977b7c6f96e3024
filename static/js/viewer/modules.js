/* Gives Cornerstone the facts that it asks for, straight from the series metadata. */

import { Enums } from "@cornerstonejs/core";
import { group, item, items, number, numbers, text } from "./dataset.js";

const { MetadataModules: Module, CalibrationTypes } = Enums;

const PROJECTION = new Set(["CR", "DX", "MG", "XA", "RF", "IO", "PX", "RG"]);

const REGION = {
  regionLocationMinX0: "00186018",
  regionLocationMinY0: "0018601A",
  regionLocationMaxX1: "0018601C",
  regionLocationMaxY1: "0018601E",
  referencePixelX0: "00186020",
  referencePixelY0: "00186022",
  physicalDeltaX: "0018602C",
  physicalDeltaY: "0018602E",
  physicalUnitsXDirection: "00186024",
  physicalUnitsYDirection: "00186026",
  regionSpatialFormat: "00186012",
  regionDataType: "00186014",
  regionFlags: "00186016",
};

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

function imagePlane({ dataset, frame }) {
  const size = spacing(dataset, frame);
  const cosines = orientation(dataset, frame) ?? [1, 0, 0, 0, 1, 0];
  return {
    frameOfReferenceUID: text(dataset, "00200052") || text(dataset, "00080018"),
    rows: number(dataset, "00280010"),
    columns: number(dataset, "00280011"),
    imageOrientationPatient: cosines,
    rowCosines: cosines.slice(0, 3),
    columnCosines: cosines.slice(3),
    imagePositionPatient: position(dataset, frame) ?? [0, 0, 0],
    sliceThickness: number(dataset, "00180050"),
    sliceLocation: number(dataset, "00201041"),
    pixelSpacing: [size.rows, size.columns],
    rowPixelSpacing: size.rows,
    columnPixelSpacing: size.columns,
    usingDefaultValues: !size.known,
  };
}

function imagePixel({ dataset }) {
  return {
    samplesPerPixel: number(dataset, "00280002") ?? 1,
    photometricInterpretation: text(dataset, "00280004") || "MONOCHROME2",
    rows: number(dataset, "00280010"),
    columns: number(dataset, "00280011"),
    bitsAllocated: number(dataset, "00280100"),
    bitsStored: number(dataset, "00280101"),
    highBit: number(dataset, "00280102"),
    pixelRepresentation: number(dataset, "00280103") ?? 0,
    planarConfiguration: number(dataset, "00280006") ?? 0,
  };
}

function voi({ dataset, frame }) {
  const found = windowOf(dataset, frame);
  if (!found) return {};
  return { windowCenter: [found.center], windowWidth: [found.width], voiLUTFunction: [found.shape] };
}

function modalityLut({ dataset, frame }) {
  const { slope, intercept, type } = rescale(dataset, frame);
  return { rescaleSlope: slope, rescaleIntercept: intercept, rescaleType: type };
}

function calibration({ dataset, frame }) {
  const regions = items(dataset, "00186011").map((region) =>
    Object.fromEntries(Object.entries(REGION).map(([name, tag]) => [name, number(region, tag)])),
  );
  if (regions.length) return { sequenceOfUltrasoundRegions: regions };
  const measured = spacing(dataset, frame);
  const projected = measured.projected && PROJECTION.has(text(dataset, "00080060"));
  return projected ? { type: CalibrationTypes.PROJECTION } : {};
}

const MODULES = {
  [Module.IMAGE_PLANE]: imagePlane,
  [Module.IMAGE_PIXEL]: imagePixel,
  [Module.VOI_LUT]: voi,
  [Module.MODALITY_LUT]: modalityLut,
  [Module.CALIBRATION]: calibration,
  [Module.GENERAL_SERIES]: ({ dataset }) => ({
    modality: text(dataset, "00080060"),
    seriesInstanceUID: text(dataset, "0020000E"),
    studyInstanceUID: text(dataset, "0020000D"),
    seriesNumber: number(dataset, "00200011"),
    seriesDescription: text(dataset, "0008103E"),
  }),
  [Module.GENERAL_IMAGE]: ({ dataset }) => ({
    sopInstanceUID: text(dataset, "00080018"),
    instanceNumber: number(dataset, "00200013"),
  }),
  [Module.SOP_COMMON]: ({ dataset }) => ({
    sopClassUID: text(dataset, "00080016"),
    sopInstanceUID: text(dataset, "00080018"),
  }),
  [Module.CINE]: ({ dataset }) => ({ numberOfFrames: number(dataset, "00280008") ?? 1, cineRate: number(dataset, "00180040") }),
  [Module.PATIENT_STUDY]: () => ({}),
  transferSyntax: () => ({}),
};

/** Frames per second that the maker of a clip meant. */
export function speed(dataset) {
  const rate = number(dataset, "00082144") ?? number(dataset, "00180040");
  if (rate > 0) return Math.min(rate, 60);
  const gap = number(dataset, "00181063") ?? numbers(dataset, "00181065")[1];
  return gap > 0 ? Math.min(1000 / gap, 60) : 15;
}

export function provider(imageOf) {
  return (type, imageId) => {
    const facts = MODULES[type];
    const image = facts && typeof imageId === "string" ? imageOf(imageId) : undefined;
    return image ? facts(image) : undefined;
  };
}

export function hasTable(dataset) {
  return Boolean(item(dataset, "00283010") || item(dataset, "00283000"));
}
