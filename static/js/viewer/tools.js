/* The mouse, finger and measuring tools, and which of them is in the reader's hand. */

import * as cornerstoneTools from "@cornerstonejs/tools";

const { annotation, Enums, ToolGroupManager } = cornerstoneTools;
const { MouseBindings, Events } = Enums;

export const TOOLS = {
  window: "WindowLevelTool",
  scroll: "StackScrollTool",
  zoom: "ZoomTool",
  pan: "PanTool",
  length: "LengthTool",
  angle: "AngleTool",
  rectangle: "RectangleROITool",
  probe: "ProbeTool",
};

const MEASURES = ["length", "angle", "rectangle", "probe"];
const RIGHT = { mouseButton: MouseBindings.Secondary };
const MIDDLE = { mouseButton: MouseBindings.Auxiliary };
const PRIMARY = { mouseButton: MouseBindings.Primary };
const TWO_FINGERS = { numTouchPoints: 2 };
const ALWAYS = { zoom: [RIGHT, TWO_FINGERS], pan: [MIDDLE] };

export class Tools {
  #made = [];

  constructor(engineId) {
    this.engineId = engineId;
    cornerstoneTools.init();
    this.group = ToolGroupManager.createToolGroup("reading");
    for (const key of Object.keys(TOOLS)) this.#add(key);
    this.choose("window");
  }

  #add(key) {
    const tool = cornerstoneTools[TOOLS[key]];
    cornerstoneTools.addTool(tool);
    this.group.addTool(tool.toolName, configuration(key));
    if (MEASURES.includes(key)) this.group.setToolPassive(tool.toolName);
  }

  join(pane) {
    this.group.addViewport(pane.id, this.engineId);
  }

  leave(pane) {
    this.group.removeViewports(this.engineId, pane.id);
  }

  choose(key) {
    this.chosen = key;
    for (const other of Object.keys(TOOLS)) this.#bind(other, other === key ? [PRIMARY] : []);
  }

  #bind(key, extra) {
    const { toolName } = cornerstoneTools[TOOLS[key]];
    const bindings = [...(ALWAYS[key] ?? []), ...extra];
    this.group.setToolPassive(toolName, { removeAllBindings: true });
    if (bindings.length) this.group.setToolActive(toolName, { bindings });
  }

  /** Remember the order of measurements, so that the last can be taken back. */
  follow(target) {
    target.addEventListener(Events.ANNOTATION_ADDED, ({ detail }) => this.#made.push(detail.annotation.annotationUID));
  }

  undo() {
    while (this.#made.length) {
      const last = this.#made.pop();
      if (annotation.state.getAnnotation(last)) return this.#remove([last]);
    }
    return 0;
  }

  deleteSelected() {
    const chosen = annotation.selection.getAnnotationsSelected();
    return chosen.length ? this.#remove(chosen) : this.undo();
  }

  clear() {
    return this.#remove(annotation.state.getAllAnnotations().map((one) => one.annotationUID));
  }

  #remove(ids) {
    for (const id of ids) annotation.state.removeAnnotation(id);
    cornerstoneTools.utilities.triggerAnnotationRenderForViewportIds(this.group.getViewportIds());
    return ids.length;
  }
}

function configuration(key) {
  if (key === "rectangle") return { getTextLines: rectangleWords };
  if (key === "probe") return { getTextLines: probeWords };
  return {};
}

/* Values of a picture that the server has already put into greys are not measured values. */
function rectangleWords(data, targetId) {
  const { area, mean, stdDev, areaUnit, modalityUnit } = data.cachedStats[targetId] ?? {};
  if (!Number.isFinite(area)) return [];
  const lines = [`${area.toFixed(1)} ${areaUnit}`];
  if (Number.isFinite(mean) && !targetId.includes("rendered:")) lines.push(`mean ${mean.toFixed(1)} ${modalityUnit}`, `SD ${stdDev.toFixed(1)}`);
  return lines;
}

function probeWords(data, targetId) {
  const { value, modalityUnit } = data.cachedStats[targetId] ?? {};
  if (value === undefined || targetId.includes("rendered:")) return [];
  const shown = Array.isArray(value) ? value.map((part) => Math.round(part)).join(", ") : Math.round(value * 10) / 10;
  return [`${shown} ${modalityUnit ?? ""}`.trim()];
}
