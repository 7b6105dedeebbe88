import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { joinExpressions } from '../expression.ts';
import type { Contents, TextMatch } from './corpus.ts';
import { contents, nearestMatch, wholeMatch } from './corpus.ts';
import type { NoText, TextFile } from './files.ts';
import { readText } from './files.ts';
import { namedLicences } from './names.ts';
import { licenceWords } from './normalise.ts';
import type { Review } from './review.ts';
import { found, nothing, unreadable } from './review.ts';

const LICENCE_FILE = /^(?:[a-z0-9]+[-_])?(?:licen[cs]es?|unlicen[cs]e|copying|copyright)(?:[-_.].*)?$/i;
const PLAIN_FILE = /^(?:licen[cs]e|unlicen[cs]e|copying)(?:\.(?:md|txt|markdown|rst|html?))?$/i;
// Notices about other people's code in the package, and code and data that happen to be called so.
const OTHER_FILE =
  /third.?part|3rd.?part|notice|bundled|dependenc|\.(?:[cm]?[jt]sx?|map|json|csv|css|scss|xml|ya?ml|py|sh|spdx|sig)$/i;
const licenceBytesMax = 1024 * 1024;
const licenceFilesMax = 8;
/** A licence file with less of it explained than this holds terms of its own. */
const coveredMin = 0.55;
const nameOnlyWordsMax = 60;
/** Above this score there is no room for a second licence. */
const surelyWholeScore = 0.985;
const NOTHING: Contents = { matches: [], covered: 0 };

/** What one licence text turned out to be. */
export interface TextFinding {
  readonly expression: string | undefined;
  readonly reason: string;
  readonly score: number;
}

/**
 * Reviews the licence files of a package: LICENSE, LICENCE, COPYING and their variants, compared with the SPDX list's full texts.
 *
 * @param directory absolute path of the package
 * @param stated what the manifest says; only chooses among ids that share one text, such as `GPL-3.0-only` and `-or-later`
 */
export async function reviewText(directory: string, stated: string | undefined): Promise<Review> {
  const names = await licenceFiles(directory);
  if (names.length === 0) return nothing('no licence file');
  const read = names.slice(0, licenceFilesMax);
  const files = await Promise.all(
    read.map(async (name) => ({
      name,
      ...judge(name, await readText(join(directory, name), licenceBytesMax), stated),
    })),
  );
  // A plain LICENSE speaks for the package; LICENSE-MIT beside LICENSE-APACHE offers a choice.
  const plain = files.find((file) => file.expression !== undefined && PLAIN_FILE.test(file.name));
  const telling = plain === undefined ? files.filter((file) => file.expression !== undefined) : [plain];
  if (telling.length === 0) return nothing(files.map((file) => file.reason).join('; '));
  const expressions = telling.flatMap((file) => file.expression ?? []);
  const lesser = expressions.filter((each) => each.startsWith('LGPL-'));
  // The LGPL only makes sense beside the GPL that it amends.
  const counted = lesser.length > 0 && expressions.every((each) => /^L?GPL-/.test(each)) ? lesser : expressions;
  const expression = joinExpressions('or', counted);
  const reason = telling.map((file) => file.reason).join('; ');
  const score = Math.min(...telling.map((file) => file.score));
  return expression === undefined ? nothing(reason) : found(expression, reason, score);
}

/**
 * Identifies the licence of one text: the whole text, licences quoted in it, or, in a very short one, a licence merely named.
 *
 * @param name of the file, for the reason
 */
export function identify(name: string, text: string, stated: string | undefined): TextFinding {
  const whole = wholeMatch(text);
  const { matches, covered } = whole !== undefined && whole.score >= surelyWholeScore ? NOTHING : contents(text);
  // A short licence behind a long one hardly lowers the score of the long one, so what is quoted is looked at too.
  if (whole !== undefined && matches.length < 2) {
    const id = pick(whole, stated);
    return { expression: id, reason: `${name} is the ${id} text (${percent(whole.score)})`, score: whole.score };
  }
  const ids = matches.map((match) => pick(match, stated));
  if (matches.length > 0 && covered >= coveredMin) {
    const type = matches.length > 1 && offersChoice(text) ? 'or' : 'and';
    const score = Math.min(...matches.map((match) => match.score)) * covered;
    return {
      expression: joinExpressions(type, ids),
      reason: `${name} quotes ${ids.join(', ')} (${percent(covered)} of it)`,
      score,
    };
  }
  const words = licenceWords(text);
  if (words.length === 0) return { expression: undefined, reason: `${name} is empty`, score: 0 };
  if (words.length <= nameOnlyWordsMax) {
    const named = namedLicences(text);
    if (named !== undefined) return { expression: named, reason: `${name} only names ${named}`, score: 0.5 };
  }
  if (matches.length > 0) {
    const reason = `${name} quotes ${ids.join(', ')}, but ${percent(1 - covered)} of it are other words`;
    return { expression: undefined, reason, score: 0 };
  }
  const near = nearestMatch(text);
  const hint = near === undefined || near.score < 0.3 ? '' : `; nearest is ${near.ids[0]} (${percent(near.score)})`;
  return { expression: undefined, reason: `${name} matches no text of the SPDX list${hint}`, score: 0 };
}

function judge(name: string, file: TextFile | NoText, stated: string | undefined): TextFinding {
  if ('problem' in file) return { expression: undefined, reason: unreadable(`${name} ${file.problem}`), score: 0 };
  const finding = identify(name, file.text, stated);
  return file.cut === undefined
    ? finding
    : { ...finding, reason: unreadable(`${name}: ${file.cut}; ${finding.reason}`) };
}

async function licenceFiles(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  const names = entries.filter((entry) => !entry.isDirectory() && isLicenceFile(entry.name)).map((entry) => entry.name);
  if (names.length > 0 || !entries.some((entry) => entry.isDirectory() && entry.name === 'LICENSES'))
    return names.sort();
  // The REUSE layout keeps one file per licence in LICENSES.
  const nested = await readdir(join(directory, 'LICENSES'), { withFileTypes: true }).catch(() => []);
  return nested.flatMap((entry) => (entry.isFile() ? [join('LICENSES', entry.name)] : [])).sort();
}

function isLicenceFile(name: string): boolean {
  return LICENCE_FILE.test(name) && !OTHER_FILE.test(name);
}

function pick(match: TextMatch, stated: string | undefined): string {
  const named = match.ids.find((id) => stated?.split(/[\s()]+/).includes(id));
  return named ?? (match.ids[0] as string);
}

function offersChoice(text: string): boolean {
  return /dual|either of|either the|at your (?:option|choice)|your choice of|\bmit or\b|\bor the\b/i.test(
    text.slice(0, 600),
  );
}

function percent(share: number): string {
  // Never rounds up to 100: only equal texts are equal.
  return `${Math.floor(share * 100)} %`;
}
