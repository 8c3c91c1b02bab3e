// What a runtime makes a page download beside the network's own file, as brotli makes it.

import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants } from "node:zlib";

const QUALITY = { params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY } };

/**
 * @param {string} made where sizes are kept: the largest of these files take half a minute
 * @param {string[]} [files] what one turn downloaded
 * @returns {Promise<number | undefined>} bytes
 */
export async function shipped(made, files) {
  if (files === undefined) {
    return undefined;
  }
  const kept = join(made, "brotli.json");
  const sizes = JSON.parse(await readFile(kept, "utf8").catch(() => "{}"));
  let sum = 0;
  for (const file of new Set(files)) {
    const { mtimeMs, size } = await stat(file);
    const key = `${file} ${size} ${mtimeMs}`;
    sizes[key] ??= (await promisify(brotliCompress)(await readFile(file), QUALITY)).length;
    sum += sizes[key];
  }
  await mkdir(made, { recursive: true });
  await writeFile(kept, JSON.stringify(sizes, null, 1));
  return sum;
}
