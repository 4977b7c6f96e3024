/* Turning and mirroring a picture on the screen. The stored image stays as it is. */

/** How the picture lies now: quarter turns to the right in degrees, and whether left and right are swapped. */
export function lie(viewport) {
  return { rotation: Math.round(viewport.getRotation()) % 360, mirrored: Boolean(viewport.flipHorizontal) };
}

export function isStraight({ rotation, mirrored }) {
  return rotation === 0 && !mirrored;
}

/** A quarter turn, as the reader sees it. */
export function turned({ rotation, mirrored }, degrees) {
  return { rotation: (rotation + degrees + 360) % 360, mirrored };
}

/** Left and right swapped, as the reader sees them: the mirror stands before the turn. */
export function mirror({ rotation, mirrored }) {
  return { rotation: (360 - rotation) % 360, mirrored: !mirrored };
}

export const STRAIGHT = { rotation: 0, mirrored: false };

export function lay(viewport, { rotation, mirrored }) {
  viewport.setCamera({ flipHorizontal: mirrored });
  viewport.setViewPresentation({ rotation });
}

/** Show all of a picture that lies so: one on its side needs another size than one that stands. */
export function fit(viewport, wanted) {
  viewport.resetCamera();
  lay(viewport, wanted);
  if (wanted.rotation % 180) viewport.setZoom(viewport.getZoom() * room(viewport));
}

function room(viewport) {
  const corners = cornersOf(viewport.getImageData()).map((place) => viewport.worldToCanvas(place));
  const across = (axis) => Math.max(...corners.map((at) => at[axis])) - Math.min(...corners.map((at) => at[axis]));
  const { clientWidth, clientHeight } = viewport.element;
  return Math.min(clientWidth / across(0), clientHeight / across(1));
}

function cornersOf({ origin, direction, spacing, dimensions }) {
  const place = (i, j) => origin.map((start, axis) => start + direction[axis] * i * spacing[0] + direction[3 + axis] * j * spacing[1]);
  const [wide, high] = dimensions;
  return [place(0, 0), place(wide, 0), place(0, high), place(wide, high)];
}

/** The two directions of the screen in the patient: what lies to the right, and what lies below. */
export function axes(viewport) {
  const [start, right, below] = [[0, 0], [100, 0], [0, 100]].map((at) => viewport.canvasToWorld(at));
  return start && { right: direction(start, right), below: direction(start, below) };
}

function direction(from, to) {
  const way = to.map((value, axis) => value - from[axis]);
  const length = Math.hypot(...way);
  return way.map((value) => value / length);
}
