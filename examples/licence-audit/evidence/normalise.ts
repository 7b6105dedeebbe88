/** A text as a sorted multiset of its word pairs, each hashed to 32 bits. */
export type Bag = Uint32Array;

const SPELLING: ReadonlyMap<string, string> = new Map(
  Object.entries({
    licence: 'license',
    licences: 'licenses',
    licenced: 'licensed',
    sublicence: 'sublicense',
    owner: 'holder',
    owners: 'holders',
    https: 'http',
    favour: 'favor',
    labour: 'labor',
    organisation: 'organization',
    whilst: 'while',
  }),
);

// A line that only says whose work it is: a mark, a year, a placeholder or a capitalised name follows. "Copyright notice", "copyright holder"
// and the like at the start of a wrapped line are the licence's own words.
const ANY_COPYRIGHT = /copyright|\(c\)|©|&copy;/i;
const COPYRIGHT_MARK = /^[^\p{L}\p{N}©(]*(?:\([cC]\)\s|©|&copy;)/u;
const COPYRIGHT_WORD = /^[^\p{L}\p{N}]*copyright\s*:?\s*(?:\(c\)|©|&copy;|[0-9<[{]|by\s)/iu;
const COPYRIGHT_NAME =
  /^[^\p{L}\p{N}]*(?:Copyright|COPYRIGHT)\s+(?:the\s+|THE\s+)?(?!(?:notice|holder|owner|licen[cs]e|law|statement|interest|and|or|is|in)s?\b)(?!NOTICE|HOLDER|OWNER|LICEN|LAW|STATEMENT|INTEREST|AND\b|OR\b|IS\b|IN\b|Notice|Holder|Owner|Licen|Law|Statement)[A-Z]/u;
const LIST_MARKER = /^[ \t>#*/;-]{0,40}(?:\(?(?:[0-9]{1,2}|[a-z]|[ivx]{1,4})[.)]\s|[*•-]\s)/gim;
// A longer one holds more than a name: some licences are a single line.
const copyrightCharsMax = 300;

/**
 * The words of a licence text as the SPDX matching guidelines see them: case, punctuation, white space, copyright lines, list markers,
 * placeholders and varietal spellings don't count.
 */
export function licenceWords(text: string): string[] {
  const bare = text
    .split(/\r\n?|\n/)
    .filter((line) => !isCopyrightLine(line))
    .join('\n')
    .replaceAll(/all rights reserved/gi, ' ')
    .replaceAll(LIST_MARKER, ' ')
    .replaceAll(/<[a-z/][^<>\n]{0,200}>/gi, ' ')
    .replaceAll(/['’]/g, '')
    .toLowerCase();
  const words = bare.match(/[a-z0-9]+/g) ?? [];
  for (let i = 0; i < words.length; i++) {
    const usual = SPELLING.get(words[i] as string);
    if (usual !== undefined) words[i] = usual;
  }
  return words;
}

function isCopyrightLine(line: string): boolean {
  // Most lines fail the cheap tests, and every text of the SPDX list comes through here.
  if (line.length > copyrightCharsMax || !ANY_COPYRIGHT.test(line)) return false;
  return COPYRIGHT_MARK.test(line) || COPYRIGHT_WORD.test(line) || COPYRIGHT_NAME.test(line);
}

/** The bag of a text. Word pairs tell apart what single words can't: "with" and "without" change both their pairs. */
export function bagOf(words: readonly string[]): Bag {
  const bag = new Uint32Array(Math.max(0, words.length - 1));
  let previous = 0;
  for (let i = 0; i < words.length; i++) {
    const hash = fnv1a(words[i] as string);
    if (i > 0) bag[i - 1] = Math.imul(previous, 0x9e3779b1) ^ hash;
    previous = hash;
  }
  return bag.sort();
}

/**
 * How many pairs of `small` are in `large`, counted with their multiplicity. Steps through the larger bag by doubling jumps, so a short
 * licence is looked up in a long file in little time.
 *
 * @param missesMax gives up, with what was found so far, when more pairs than this are missing
 */
export function overlap(small: Bag, large: Bag, missesMax = Number.POSITIVE_INFINITY): number {
  let shared = 0;
  let misses = 0;
  let at = 0;
  for (let i = 0; i < small.length && misses <= missesMax; i++) {
    at = lowerBound(large, small[i] as number, at);
    if (large[at] === small[i]) {
      shared++;
      at++;
    } else misses++;
  }
  return shared;
}

function lowerBound(bag: Bag, value: number, from: number): number {
  let low = from;
  let step = 1;
  while (low + step < bag.length && (bag[low + step] as number) < value) {
    low += step;
    step *= 2;
  }
  let high = Math.min(low + step, bag.length);
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((bag[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** What is left of `a` when the pairs of `b` are taken out once. */
export function subtract(a: Bag, b: Bag): Bag {
  const rest = new Uint32Array(a.length);
  let length = 0;
  for (let i = 0, j = 0; i < a.length; i++) {
    const x = a[i] as number;
    while (j < b.length && (b[j] as number) < x) j++;
    if (j < b.length && b[j] === x) j++;
    else rest[length++] = x;
  }
  return rest.subarray(0, length);
}

/** Sørensen-Dice coefficient of two multisets: 2·|A ∩ B| / (|A| + |B|), 0 to 1. */
export function dice(a: Bag, b: Bag): number {
  if (a.length === 0 || b.length === 0) return 0;
  return (2 * (a.length < b.length ? overlap(a, b) : overlap(b, a))) / (a.length + b.length);
}

/** FNV-1a, 32 bit, over UTF-16 code units. */
function fnv1a(word: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < word.length; i++) hash = Math.imul(hash ^ word.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
