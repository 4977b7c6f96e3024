/* The mouse, finger and measuring tools, and which of them is in the reader's hand. */

import { cache } from "@cornerstonejs/core";
import * as cornerstoneTools from "@cornerstonejs/tools";

const { annotation, Enums, ToolGroupManager } = cornerstoneTools;
const { MouseBindings, Events } = Enums;

const DRAG_FOR_WHOLE_WINDOW = 400;

/* One pixel of dragging changes the window by a fixed part of its width: fine in a narrow window,
   coarse in a wide one, and the same for stored values and for pictures of the server. */
class ContrastTool extends cornerstoneTools.WindowLevelTool {
  static toolName = "Contrast";

  _getMultiplierFromDynamicRange(viewport) {
    const { lower, upper } = viewport.getProperties().voiRange;
    return Math.max(upper - lower, 4) / DRAG_FOR_WHOLE_WINDOW;
  }
}

const TOOLS = {
  window: ContrastTool,
  scroll: cornerstoneTools.StackScrollTool,
  zoom: cornerstoneTools.ZoomTool,
  pan: cornerstoneTools.PanTool,
  length: cornerstoneTools.LengthTool,
  angle: cornerstoneTools.AngleTool,
  rectangle: cornerstoneTools.RectangleROITool,
  probe: cornerstoneTools.ProbeTool,
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
    const tool = TOOLS[key];
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
    const { toolName } = TOOLS[key];
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

/* The value is read here: the tool itself looks for it in the slice of that number of a volume. */
function probeWords(data, targetId) {
  const { index, modalityUnit } = data.cachedStats[targetId] ?? {};
  const image = cache.getImage(targetId.replace("imageId:", ""));
  if (!index || !image || image.renderedByServer) return [];
  const value = image.voxelManager.getAtIJKPoint([index[0], index[1], 0]);
  if (value === undefined || value === null) return [];
  const shown = typeof value === "number" ? Math.round(value * 10) / 10 : Array.from(value).slice(0, 3).join(", ");
  return [`${shown} ${typeof modalityUnit === "string" ? modalityUnit : ""}`.trim()];
}

/* The drawing library writes style attributes, which the page's policy refuses; set as properties
   the same styles are allowed. */
export function drawWithinPolicy() {
  const plain = Element.prototype.setAttribute;
  SVGElement.prototype.setAttribute = function setAttribute(name, value) {
    if (name === "style") this.style.cssText = value;
    else plain.call(this, name, value);
  };
}
