import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { normaliseExpression } from '../expression.ts';
import { contents } from './corpus.ts';
import { readText } from './files.ts';
import { namedLicences } from './names.ts';
import type { Review } from './review.ts';
import { found, nothing, unreadable } from './review.ts';

const README_FILE = /^readme(?:\.(?:md|markdown|mdown|rst|txt))?$/i;
const SOURCE_FILE = /\.(?:[cm]?[jt]sx?|c|cc|cpp|h|hpp|rs|go|py|java)$/i;
const HEADING = /^\s{0,3}(?:#{1,6}\s*(.+?)\s*#*|\*\*(.{1,60})\*\*:?|<h[1-6][^>]*>(.+?)<\/h[1-6]>)\s*$/i;
const UNDERLINE = /^\s{0,3}(?:=|-|~|\*){3,}\s*$/;
const ABOUT_LICENCE = /licen[cs]|copyright|legal/i;
const readmeBytesMax = 256 * 1024;
const sectionCharsMax = 16 * 1024;
const lineCharsMax = 4_000;
const titleCharsMax = 200;
const quotedCharsMin = 500;
const headerBytesMax = 2 * 1024;
const headerFilesMax = 24;
const directoriesMax = 40;
const depthMax = 4;
/** Fewer headers than this share of the files speak about single files, not about the package. */
const headerShareMin = 0.25;

/**
 * Reviews what the readme's licence section says, and what the headers of source files say. The section goes first: it speaks about
 * the package, a header about one file.
 */
export async function reviewReadme(directory: string): Promise<Review> {
  const readme = await reviewSection(directory);
  const headers = await reviewHeaders(directory);
  if (readme.expression === undefined) {
    return headers.expression === undefined ? nothing(`${readme.reason}; ${headers.reason}`) : headers;
  }
  if (headers.expression === undefined) return readme;
  const agree = headers.expression === readme.expression;
  return found(readme.expression, `${readme.reason}; ${headers.reason}`, agree ? 1 : readme.score * 0.8);
}

async function reviewSection(directory: string): Promise<Review> {
  const entries = await readdir(directory).catch(() => []);
  const name = entries.filter((entry) => README_FILE.test(entry)).sort()[0];
  if (name === undefined) return nothing('no readme');
  const file = await readText(join(directory, name), readmeBytesMax);
  if ('problem' in file) return nothing(unreadable(`${name} ${file.problem}`));
  for (const section of licenceSections(file.text)) {
    const quoted = section.length >= quotedCharsMin ? contents(section).matches[0]?.ids[0] : undefined;
    const expression = quoted ?? namedLicences(section.slice(0, quotedCharsMin * 2));
    if (expression !== undefined) return found(expression, `${name}'s licence section says ${expression}`, 0.9);
  }
  const prose = proseAboutLicence(withoutCode(file.text));
  const mentioned = namedLicences(prose);
  if (mentioned !== undefined) return found(mentioned, `${name} mentions ${mentioned}`, 0.6);
  return nothing(`${name} names no licence`);
}

/** Bodies of the sections whose heading is about the licence, heading included; the last first, for that is where the package's own is. */
function licenceSections(readme: string): string[] {
  const lines = linesOf(readme);
  const sections: string[] = [];
  for (let i = 0; i < lines.length; i++) {
    const title = headingAt(lines, i);
    if (title === undefined || !ABOUT_LICENCE.test(title)) continue;
    let end = i + 1;
    if (UNDERLINE.test(lines[end] ?? '')) end++;
    while (end < lines.length && headingAt(lines, end) === undefined) end++;
    sections.push(lines.slice(i, end).join('\n').slice(0, sectionCharsMax));
  }
  return sections.reverse();
}

function headingAt(lines: readonly string[], i: number): string | undefined {
  const line = lines[i] ?? '';
  if (line.length > titleCharsMax) return undefined;
  const marked = HEADING.exec(line);
  if (marked !== null) return marked[1] ?? marked[2] ?? marked[3];
  return line.trim() !== '' && line.length < 80 && UNDERLINE.test(lines[i + 1] ?? '') ? line : undefined;
}

/** What stands in an example of code says nothing about the package. */
function withoutCode(readme: string): string {
  let fence: string | undefined;
  const kept = linesOf(readme).filter((line) => {
    const mark = /^\s{0,3}(```|~~~)/.exec(line)?.[1];
    if (mark !== undefined && (fence === undefined || fence === mark)) {
      fence = fence === undefined ? mark : undefined;
      return false;
    }
    return fence === undefined && !/^(?: {4}|\t)/.test(line);
  });
  return kept.join('\n');
}

/** Lines of a readme; what is too long to be read as one is cut. */
function linesOf(readme: string): string[] {
  return readme.split(/\r\n?|\n/).map((line) => line.slice(0, lineCharsMax));
}

/** Without a section: sentences that license something, and badges. */
function proseAboutLicence(readme: string): string {
  const prose = readme.matchAll(
    /(?:[^\n.]{0,80}\blicen[cs]ed\b|\b(?:released|distributed|available) under\b|^[*_\s]*licen[cs]e[*_]*\s*:)[^\n]{0,160}(?:\n[^\n]{1,80})?/gim,
  );
  const badges = readme.matchAll(/badge\/licen[cs]e-([^)\s?]{1,40}?)-[a-z0-9]+(?:\.svg)?[)\s?]/gi);
  return [
    ...[...prose].map((match) => match[0]),
    ...[...badges].map((match) => (match[1] as string).replaceAll('--', '-').replaceAll(/%20|_/g, ' ')),
  ].join('\n');
}

async function reviewHeaders(directory: string): Promise<Review> {
  const files = await sourceFiles(directory);
  const votes = new Map<string, number>();
  for (const path of files) {
    const file = await readText(join(directory, path), headerBytesMax);
    const expression = 'problem' in file ? undefined : headerLicence(file.text);
    if (expression !== undefined) votes.set(expression, (votes.get(expression) ?? 0) + 1);
  }
  const [first] = [...votes].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  if (first === undefined) return nothing('no licence in source headers');
  const [expression, count] = first;
  const total = [...votes.values()].reduce((sum, n) => sum + n, 0);
  if (count < files.length * headerShareMin)
    return nothing(`only ${count} of ${files.length} source headers say ${expression}`);
  const others = total === count ? '' : `, ${total - count} otherwise`;
  return found(
    expression,
    `${count} of ${files.length} source headers say ${expression}${others}`,
    (0.9 * count) / total,
  );
}

function headerLicence(head: string): string | undefined {
  const tag =
    /SPDX-License-Identifier:\s*([^\n\r*]+)/i.exec(head)?.[1] ?? /@licen[cs]e[:\s]+([^\n\r*]+)/i.exec(head)?.[1];
  const tagged = tag?.replace(/(?:-->|\*\/).*$/, '').trim();
  if (tagged !== undefined) {
    const expression = normaliseExpression(tagged) ?? namedLicences(tagged);
    if (expression !== undefined) return expression;
  }
  const sentence = /licen[cs]ed under[^;{}]{0,120}|released under[^;{}]{0,120}/i.exec(head)?.[0];
  return sentence === undefined ? undefined : namedLicences(sentence);
}

/** Source files nearest to the root first, in a fixed order and of a bounded number; other packages inside are not looked at. */
async function sourceFiles(directory: string): Promise<string[]> {
  const files: string[] = [];
  const queue: { path: string; depth: number }[] = [{ path: '', depth: 0 }];
  for (let seen = 0; seen < directoriesMax && files.length < headerFilesMax; seen++) {
    const next = queue.shift();
    if (next === undefined) break;
    const entries = await readdir(join(directory, next.path), { withFileTypes: true }).catch(() => []);
    entries.sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const entry of entries) {
      const path = join(next.path, entry.name);
      if (entry.isFile() && SOURCE_FILE.test(entry.name) && files.length < headerFilesMax) files.push(path);
      const ours = entry.isDirectory() && entry.name !== 'node_modules' && !entry.name.startsWith('.');
      if (ours && next.depth < depthMax) queue.push({ path, depth: next.depth + 1 });
    }
  }
  return files;
}
