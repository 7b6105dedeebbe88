import licenceIds from 'spdx-license-ids' with { type: 'json' };
import licences from 'spdx-license-list/full.js';
import { normaliseExpression } from '../expression.ts';
import type { Bag } from './normalise.ts';
import { bagOf, dice, licenceWords, overlap, subtract } from './normalise.ts';

/** A licence of the SPDX list found in a text. */
export interface TextMatch {
  /** The ids whose listed texts fit equally well, the most usual first. */
  readonly ids: readonly string[];
  /** Sørensen-Dice score for a whole text, share of the licence found for a contained one; 0 to 1. */
  readonly score: number;
}

/** What a text holds beside or instead of one whole licence. */
export interface Contents {
  readonly matches: readonly TextMatch[];
  /** Share of the text that belongs to the licences found, 0 to 1. */
  readonly covered: number;
}

interface Entry {
  readonly ids: string[];
  readonly chars: number;
  readonly text: string;
  bag: Bag | undefined;
}

/** At or above this Dice score two texts are the same licence: only names and trifles differ. */
export const sameTextScore = 0.9;
/** At or above this share of its pairs a licence is said to be contained in a longer text. */
export const containedShare = 0.93;
const containedPairsMin = 40;
const containedMax = 12;
const copiesMax = 200;

let corpus: readonly Entry[] | undefined;

/**
 * The licence that the whole text is, by the best Dice score.
 *
 * @returns undefined when none reaches `sameTextScore`
 */
export function wholeMatch(text: string): TextMatch | undefined {
  const nearest = nearestMatch(text);
  return nearest !== undefined && nearest.score >= sameTextScore ? nearest : undefined;
}

/** The most similar licence of about the same length, however far. */
export function nearestMatch(text: string): TextMatch | undefined {
  const bag = bagOf(licenceWords(text));
  const chars = lengthOf(text);
  let best: TextMatch | undefined;
  for (const entry of entries()) {
    // Before normalisation lengths differ by the copyright lines; beyond this the score can't be high.
    if (entry.chars > chars * 2 + 400 || chars > entry.chars * 2 + 1_000) continue;
    const other = bagOfEntry(entry);
    const bound = (2 * Math.min(bag.length, other.length)) / Math.max(1, bag.length + other.length);
    if (best !== undefined && bound < best.score) continue;
    const score = dice(bag, other);
    if (best === undefined || score > best.score) best = { ids: entry.ids, score };
  }
  return best;
}

/**
 * The licences quoted within a text, by greedy cover: the longest one that is contained is taken out, with all its copies, until none is
 * left. Taking out the longest first keeps MIT-0 from being found inside every MIT.
 */
export function contents(text: string): Contents {
  const bag = bagOf(licenceWords(text));
  const matches: TextMatch[] = [];
  let rest = bag;
  while (matches.length < containedMax) {
    const next = longestContained(rest);
    if (next === undefined) break;
    matches.push({ ids: next.entry.ids, score: next.share });
    const other = bagOfEntry(next.entry);
    for (let copy = 0; copy < copiesMax; copy++) {
      if (shareIn(other, rest) < containedShare) break;
      rest = subtract(rest, other);
    }
  }
  return { matches, covered: bag.length === 0 ? 0 : 1 - rest.length / bag.length };
}

function longestContained(bag: Bag): { entry: Entry; share: number } | undefined {
  let best: { entry: Entry; share: number; worth: number } | undefined;
  for (const entry of entries()) {
    // A pair is seldom less than six characters of text: what is much longer than the bag can't be in it.
    if (entry.chars > bag.length * 14 + 2_000) continue;
    const other = bagOfEntry(entry);
    if (other.length < containedPairsMin || other.length * containedShare > bag.length) continue;
    if (best !== undefined && other.length <= best.worth) continue;
    const share = shareIn(other, bag);
    if (share < containedShare) continue;
    // What is missing counts twice, or MIT would pass for JSON, which is MIT and one sentence more.
    const worth = other.length * (1 - 3 * (1 - share));
    if (best === undefined || worth > best.worth) best = { entry, share, worth };
  }
  return best;
}

/** Characters without the white space that is there for looks. */
function lengthOf(text: string): number {
  return text.replaceAll(/\s+/g, ' ').length;
}

/** Share of a licence's pairs that are in the bag; less than the truth once it is known to be under `containedShare`. */
function shareIn(licence: Bag, bag: Bag): number {
  return overlap(licence, bag, licence.length * (1 - containedShare)) / licence.length;
}

function bagOfEntry(entry: Entry): Bag {
  entry.bag ??= bagOf(licenceWords(entry.text));
  return entry.bag;
}

/** Licences with one text are one entry. Bags are made when first needed: most are never compared. */
function entries(): readonly Entry[] {
  if (corpus !== undefined) return corpus;
  const byText = new Map<string, Entry>();
  const usual = [...licenceIds].sort((a, b) => rank(a) - rank(b) || a.length - b.length || (a < b ? -1 : 1));
  for (const id of usual) {
    const text = licences[id]?.licenseText;
    const normal = normaliseExpression(id);
    if (text === undefined || normal === undefined) continue;
    for (const variant of variants(id, text)) {
      const known = byText.get(variant);
      if (known === undefined)
        byText.set(variant, { ids: [normal], chars: lengthOf(variant), text: variant, bag: undefined });
      else if (!known.ids.includes(normal)) known.ids.push(normal);
    }
  }
  corpus = [...byText.values()];
  return corpus;
}

/** Packages often leave out what follows the terms: how to apply the licence, and the GPL that the list prints behind the LGPL-3.0. */
function variants(id: string, text: string): readonly string[] {
  const appendix = /END OF TERMS AND CONDITIONS/i.exec(text)?.index ?? -1;
  const gpl = id.startsWith('LGPL-3.0') ? text.indexOf('GNU GENERAL PUBLIC LICENSE', 200) : -1;
  return [text, ...[appendix, gpl].flatMap((end) => (end < 0 ? [] : [text.slice(0, end)]))];
}

/** What is approved is also what is used; a text alone can't grant later versions, so `-only` goes first. */
function rank(id: string): number {
  return (licences[id]?.osiApproved === true ? 0 : 2) + (id.endsWith('-or-later') ? 1 : 0);
}
