import licenceIds from 'spdx-license-ids' with { type: 'json' };
import { joinExpressions } from '../expression.ts';

/** How people write licences in prose, most telling first; the more special pattern stands before the more general one. */
const NAMES: readonly (readonly [pattern: RegExp, id: string])[] = [
  [/\bMIT No Attribution\b/gi, 'MIT-0'],
  [/\bApache(?: Software)?(?: Licen[cs]e)?[\s,()_-]*(?:v|version)?[\s.]*2(?:\.0)?\b/gi, 'Apache-2.0'],
  [/apache\.org\/licenses\/LICENSE-2\.0/gi, 'Apache-2.0'],
  [
    /\b(?:BSD[\s-]*(?:3|three)|(?:3|three)[\s-]*clause[\s-]*(?:BSD|licen[cs]e)|(?:new|modified|revised) BSD)\b/gi,
    'BSD-3-Clause',
  ],
  [
    /\b(?:BSD[\s-]*(?:2|two)|(?:2|two)[\s-]*clause[\s-]*(?:BSD|licen[cs]e)|(?:simplified|FreeBSD) (?:BSD )?licen[cs]e)/gi,
    'BSD-2-Clause',
  ],
  [/\b(?:Mozilla Public Licen[cs]e|MPL)[\s,-]*(?:v|version)?[\s.]*2(?:\.0)?\b/gi, 'MPL-2.0'],
  [/\b(?:GNU )?(?:Affero General Public Licen[cs]e|AGPL)[\s,-]*(?:v|version)?[\s.]*3(?:\.0)?\+/gi, 'AGPL-3.0-or-later'],
  [/\b(?:GNU )?(?:Affero General Public Licen[cs]e|AGPL)[\s,-]*(?:v|version)?[\s.]*3(?:\.0)?/gi, 'AGPL-3.0-only'],
  [/\b(?:GNU )?(?:Lesser General Public Licen[cs]e|LGPL)[\s,-]*(?:v|version)?[\s.]*3(?:\.0)?/gi, 'LGPL-3.0-only'],
  [/\b(?:GNU )?(?:Lesser General Public Licen[cs]e|LGPL)[\s,-]*(?:v|version)?[\s.]*2\.1/gi, 'LGPL-2.1-only'],
  [/\b(?:GNU )?(?:General Public Licen[cs]e|GPL)[\s,-]*(?:v|version)?[\s.]*3(?:\.0)?/gi, 'GPL-3.0-only'],
  [/\b(?:GNU )?(?:General Public Licen[cs]e|GPL)[\s,-]*(?:v|version)?[\s.]*2(?:\.0)?/gi, 'GPL-2.0-only'],
  [/\bBlue ?Oak Model Licen[cs]e\b/gi, 'BlueOak-1.0.0'],
  [/\bBoost Software Licen[cs]e\b/gi, 'BSL-1.0'],
  [/\b(?:CC0|Creative Commons Zero|CC Zero)\b/gi, 'CC0-1.0'],
  [/\b(?:CC[ -]BY|Creative Commons Attribution)[\s,-]*(?:v|version)?[\s.]*4(?:\.0)?/gi, 'CC-BY-4.0'],
  [/\b(?:CC[ -]BY|Creative Commons Attribution)[\s,-]*(?:v|version)?[\s.]*3(?:\.0)?/gi, 'CC-BY-3.0'],
  [/\bEclipse Public Licen[cs]e[\s,-]*(?:v|version)?[\s.]*2(?:\.0)?/gi, 'EPL-2.0'],
  [/\bArtistic Licen[cs]e[\s,-]*(?:v|version)?[\s.]*2(?:\.0)?/gi, 'Artistic-2.0'],
  [/\b(?:the )?Unlicen[cs]e\b/gi, 'Unlicense'],
  [/\bWTFPL\b/g, 'WTFPL'],
  [/\bzlib(?:\/libpng)? licen[cs]e\b/gi, 'Zlib'],
  [/\bISC\b/g, 'ISC'],
  [/\bMIT\b/g, 'MIT'],
];

const proseCharsMax = 4_000;

/** Ids that are also everyday words name a licence only in an SPDX expression, so prose is searched for those with a digit in them. */
const TELLING_IDS: ReadonlySet<string> = new Set(licenceIds.filter((id) => /[0-9]/.test(id) && /[-A-Z]/.test(id)));

interface Mention {
  readonly id: string;
  readonly from: number;
  readonly to: number;
}

/**
 * The licences that a piece of prose names, as an expression: names with "or" or a slash between them are a choice, others a sum.
 *
 * @param prose of which the first 4,000 characters count
 * @returns undefined when it names none
 */
export function namedLicences(prose: string): string | undefined {
  const mentions = mentionsIn(prose.slice(0, proseCharsMax));
  if (mentions.length === 0) return undefined;
  const choice = mentions.some((mention, i) => {
    const next = mentions[i + 1];
    if (next === undefined || next.id === mention.id) return false;
    if (/^\s*\/\s*$/.test(prose.slice(mention.to, next.from))) return true;
    return /\bor\b|\beither\b|\bdual/i.test(prose.slice(Math.max(0, mention.from - 60), next.from));
  });
  return joinExpressions(choice ? 'or' : 'and', [...new Set(mentions.map((mention) => mention.id))]);
}

function mentionsIn(prose: string): Mention[] {
  const mentions: Mention[] = [];
  const claim = (id: string, from: number, to: number): void => {
    if (!mentions.some((other) => from < other.to && other.from < to)) mentions.push({ id, from, to });
  };
  for (const token of prose.matchAll(/[A-Za-z0-9][A-Za-z0-9.+-]*[A-Za-z0-9+]/g)) {
    if (TELLING_IDS.has(token[0])) claim(token[0], token.index, token.index + token[0].length);
  }
  for (const [pattern, id] of NAMES) {
    for (const match of prose.matchAll(pattern)) claim(id, match.index, match.index + match[0].length);
  }
  return mentions.sort((a, b) => a.from - b.from);
}
