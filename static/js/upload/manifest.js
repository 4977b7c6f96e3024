/* What the browser says it has, to be held against what the server says it got. */

/** One row for each chosen file. `digests` maps an item to its SHA-256 in hex. */
export const manifestOf = (files, digests) =>
  files.map(({ item, header }) => ({
    path: item.path,
    size: item.size,
    sha256: digests.get(item) ?? "",
    sop_instance_uid: header.sopInstance ?? "",
    series_uid: header.series ?? "",
    study_uid: header.study ?? "",
  }));

const key = (path, size) => `${size}\n${path}`;

/** What the server has already, by path and size; of several tries the one that got furthest. */
export function alreadyThere(rows) {
  const best = new Map();
  for (const row of rows) {
    const at = key(row.path, row.size);
    if (!best.has(at) || best.get(at).offset < row.offset) best.set(at, row);
  }
  return (item) => best.get(key(item.path, item.size)) ?? null;
}

/**
 * The same, kept fresh: an answer that got lost leaves files there of which this page knows nothing.
 *
 * @param {() => Promise<object[]>} load asks the server for its rows
 */
export function shelf(load, rows) {
  let find = alreadyThere(rows);
  let loading = null;
  const reload = async () => {
    find = alreadyThere(await load());
  };
  return async (item, { again }) => {
    if (again) {
      loading ??= reload().finally(() => {
        loading = null;
      });
      await loading;
    }
    return find(item);
  };
}

/** Whether the server's row is this very file, as far as both sides know. */
export const isSame = (row, sha256) => !row.sha256 || !sha256 || row.sha256 === sha256;
