/* Gives Cornerstone the facts that it asks for, straight from the series metadata. */

import { Enums } from "@cornerstonejs/core";
import { items, number, text } from "./dataset.js";
import { orientation, position, rescale, spacing, windowOf } from "./geometry.js";

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

export function provider(imageOf) {
  return (type, imageId) => {
    const facts = MODULES[type];
    const image = facts && typeof imageId === "string" ? imageOf(imageId) : undefined;
    return image ? facts(image) : undefined;
  };
}
