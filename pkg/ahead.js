/**
 * What `work` makes of each item, in their order, a few of those to come under way meanwhile: enough to keep reader, decoder
 * and disk busy, and few enough for memory.
 *
 * @template T, U
 * @param {Iterable<T> | AsyncIterable<T>} items
 * @param {(item: T) => Promise<U>} work
 * @param {number} atOnce
 * @returns {AsyncGenerator<U, void, void>}
 */
export async function* ahead(items, work, atOnce) {
  const under = [];
  for await (const item of items) {
    const done = work(item);
    // Whoever is asked for it hears of its failure.
    done.catch(() => {});
    under.push(done);
    if (under.length >= atOnce) {
      yield await under.shift();
    }
  }
  for (const done of under) {
    yield await done;
  }
}
