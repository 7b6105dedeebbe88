import { isAbsolute, join, normalize } from 'node:path';
import correct from 'spdx-correct';
import licences from 'spdx-license-list';
import { joinExpressions, normaliseExpression } from '../expression.ts';
import { UNLICENSED } from '../schema.ts';
import { readText } from './files.ts';
import type { Review } from './review.ts';
import { found, nothing, unreadable } from './review.ts';
import { identify } from './text.ts';

const manifestBytesMax = 1024 * 1024;
const namedFileBytesMax = 1024 * 1024;
const entriesMax = 20;
const nameCharsMax = 1_000;
// Each names a family of licences that differ in what they ask.
const FAMILY =
  /^(?:bsd|a?gpl|lgpl|cc|cc-by|creative commons|gnu|open source|free|public domain|commercial|proprietary|other)(?:[\s-]*licen[cs]e)?$/i;

/** The manifest as an object, or why there is none. */
export type Manifest = { readonly fields: Readonly<Record<string, unknown>> } | { readonly problem: string };

/** Reads `package.json` of a folder, at most 1 MiB of it. Never throws. */
export async function readManifest(directory: string): Promise<Manifest> {
  const file = await readText(join(directory, 'package.json'), manifestBytesMax);
  if ('problem' in file) return { problem: `package.json ${file.problem}` };
  if (file.cut !== undefined) return { problem: `package.json is too large: ${file.cut}` };
  try {
    const value: unknown = JSON.parse(file.text.replace(/^\uFEFF/, ''));
    if (!isRecord(value)) return { problem: 'package.json holds no object' };
    return { fields: value };
  } catch (error) {
    return { problem: `package.json is not valid JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/**
 * Reviews what the manifest says: an SPDX expression, a near miss of one, the old forms `{type, url}` and `licenses: [...]`,
 * `SEE LICENSE IN file`, or `UNLICENSED`.
 */
export async function reviewManifest(directory: string): Promise<Review> {
  const manifest = await readManifest(directory);
  if ('problem' in manifest) return nothing(unreadable(manifest.problem));
  const { license, licence, licenses } = manifest.fields;
  const [key, value] =
    license !== undefined
      ? ['license', license]
      : licence !== undefined
        ? ['licence', licence]
        : ['licenses', licenses];
  if (value === undefined || value === null || value === '') return nothing('package.json names no licence');
  if (Array.isArray(value)) return reviewList(key, value);
  const text = nameIn(value);
  if (text === undefined) return nothing(`package.json has a "${key}" that is neither text nor { type }`);
  const see = /^SEE LICEN[CS]E IN\s+(.+)$/i.exec(text.slice(0, nameCharsMax).trim());
  if (see !== null) return reviewNamedFile(directory, (see[1] as string).replaceAll(/^["'<]+|[>"']+$/g, ''));
  return reviewName(key, text, typeof value === 'string' ? '' : ' (old form)');
}

function reviewName(key: string, text: string, form: string): Review {
  const name = text.trim();
  if (name.length > nameCharsMax) return nothing(`"${key}" is longer than ${nameCharsMax} characters`);
  if (/^unlicensed$/i.test(name)) return found(UNLICENSED, `"${key}": "${name}" grants nobody anything`, 1);
  const exact = normaliseExpression(name);
  if (exact !== undefined) return found(exact, `"${key}": "${name}"${form}`, form === '' ? 1 : 0.9);
  const near = nearMiss(name);
  if (near !== undefined) return found(near, `"${key}": "${name}"${form} is read as ${near}`, 0.7);
  return nothing(`"${key}": "${name}" is no SPDX expression, nor near one`);
}

/** The old list meant a choice. */
function reviewList(key: string, list: readonly unknown[]): Review {
  const reviews = list.slice(0, entriesMax).map((entry) => reviewName(key, nameIn(entry) ?? '', ''));
  const unclear = reviews.find((review) => review.expression === undefined || review.expression === UNLICENSED);
  if (reviews.length === 0 || unclear !== undefined) return nothing(`"${key}" is a list that names no clear licence`);
  const expression = joinExpressions(
    'or',
    reviews.flatMap((review) => review.expression ?? []),
  );
  if (expression === undefined) return nothing(`"${key}" is a list that names no clear licence`);
  return found(
    expression,
    `"${key}" is a list (old form): ${expression}`,
    0.9 * Math.min(...reviews.map((r) => r.score)),
  );
}

async function reviewNamedFile(directory: string, name: string): Promise<Review> {
  const inside = normalize(name);
  if (isAbsolute(inside) || inside.split(/[\\/]/).includes('..')) {
    return nothing(`package.json points to ${name}, which is outside the package`);
  }
  const file = await readText(join(directory, inside), namedFileBytesMax);
  if ('problem' in file) return nothing(unreadable(`package.json points to ${name}, which ${file.problem}`));
  const finding = identify(name, file.text, undefined);
  const cut = file.cut === undefined ? '' : `${name}: ${file.cut}; `;
  const reason = `${cut}package.json points to ${name}; ${finding.reason}`;
  const marked = cut === '' ? reason : unreadable(reason);
  return finding.expression === undefined ? nothing(marked) : found(finding.expression, marked, finding.score);
}

function nearMiss(name: string): string | undefined {
  if (FAMILY.test(name)) return undefined;
  const url = /^(?:https?:)?\/\/[^/]+\/(.+?)\/?$/i.exec(name);
  if (url !== null) return licenceOfUrl(name, url[1] as string);
  // The corrector looks for a name anywhere in the text, so what is meant as an expression isn't given to it as a whole.
  const parts = name.replaceAll(/[()]/g, ' ').split(/\s*(?:\bOR\b|\bAND\b|\bor\b|\band\b|\/|,|&|\|)\s*/);
  const type = /\bAND\b|\band\b|&/.test(name) ? 'and' : 'or';
  const ids = parts.map((part) => (part.trim() === '' || FAMILY.test(part.trim()) ? null : correct(part.trim())));
  const known = ids.flatMap((id) => (id === null ? [] : [id]));
  return known.length === ids.length ? joinExpressions(type, known) : undefined;
}

function licenceOfUrl(url: string, path: string): string | undefined {
  const same = (a: string): string =>
    a
      .toLowerCase()
      .replace(/^https?:\/\/(?:www\.)?/, '')
      .replace(/(?:\.(?:html?|php|txt))?\/?$/, '');
  const listed = Object.entries(licences).find(([, licence]) => same(licence.url ?? '') === same(url));
  if (listed !== undefined) return normaliseExpression(listed[0]);
  const last =
    path
      .split('/')
      .at(-1)
      ?.replace(/\.(?:html?|php|txt)$/, '') ?? '';
  return (
    normaliseExpression(last) ?? (/^(?:LICENSE-2\.0)$/i.test(last) && /apache/i.test(url) ? 'Apache-2.0' : undefined)
  );
}

function nameIn(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (!isRecord(value)) return undefined;
  const name = value.type ?? value.name ?? value.url;
  return typeof name === 'string' ? name : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
