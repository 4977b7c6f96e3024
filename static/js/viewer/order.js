/* In which order the frames of a series are fetched. */

const AHEAD = 3;

/** Every index, nearest first, three ahead for each one behind. */
export function outward(count, index, direction = 1) {
  const order = [];
  const inside = (at) => at >= 0 && at < count;
  let ahead = index + direction;
  let behind = index - direction;
  while (inside(ahead) || inside(behind)) {
    for (let step = 0; step < AHEAD && inside(ahead); step += 1, ahead += direction) order.push(ahead);
    if (inside(behind)) order.push(behind);
    behind -= direction;
  }
  return order;
}
