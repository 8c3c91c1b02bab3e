// Numbers as people read them. One place, so that the progress bar and the model card agree.

/** 14212972 → "14.2 MB". Decimal megabytes: what browsers and file managers show. */
export function bytes(count) {
  if (count < 1e3) return `${count} B`;
  if (count < 1e6) return `${(count / 1e3).toFixed(0)} kB`;
  return `${(count / 1e6).toFixed(1)} MB`;
}

/** 0.4123 → "41.2 %". */
export function percent(probability) {
  return `${(probability * 100).toFixed(1)} %`;
}

/** 3504872 → "3.50 million". */
export function millions(count) {
  return `${(count / 1e6).toFixed(count < 1e8 ? 2 : 0)} million`;
}

/** 1280 → "1,280". */
export function grouped(count) {
  return count.toLocaleString("en");
}

/** 17.93 → "17.9 ms"; 148.2 → "148 ms". */
export function milliseconds(ms) {
  return `${ms.toFixed(ms < 100 ? 1 : 0)} ms`;
}

/** The first of a label's synonyms: "tabby, tabby cat" → "tabby". A label without a name is its number. */
export function shortName(label) {
  return label.name ? label.name.split(",")[0] : `class ${label.index}`;
}
