import parseSpdx from 'spdx-expression-parse';

/** An SPDX expression as a tree: one licence, or a choice (`or`), or a sum (`and`) of at least two. */
export type Expression =
  | { readonly type: 'licence'; readonly id: string; readonly exception?: string }
  | { readonly type: 'or' | 'and'; readonly parts: readonly Expression[] };

const GNU = /^(?:A?GPL|LGPL|GFDL)-[0-9.]+$/;

/**
 * Reads an SPDX expression into its normal form: equal licences have equal trees, whatever the order, the brackets and the
 * repetitions. The deprecated `GPL-2.0` and `GPL-2.0+` become `GPL-2.0-only` and `GPL-2.0-or-later`.
 *
 * @returns undefined when the text is no SPDX expression
 */
export function parseExpression(text: string): Expression | undefined {
  let info: parseSpdx.Info;
  try {
    info = parseSpdx(text);
  } catch {
    return undefined;
  }
  return fromInfo(info);
}

/** Text of an expression; the inverse of `parseExpression`. */
export function formatExpression(expression: Expression): string {
  if (expression.type === 'licence') {
    return expression.exception === undefined ? expression.id : `${expression.id} WITH ${expression.exception}`;
  }
  const parts = expression.parts.map((part) =>
    // AND binds tighter than OR, so only a choice inside a sum needs brackets.
    part.type === 'or' ? `(${formatExpression(part)})` : formatExpression(part),
  );
  return parts.join(expression.type === 'or' ? ' OR ' : ' AND ');
}

/** Normal text of an SPDX expression, or undefined when it is none. */
export function normaliseExpression(text: string): string | undefined {
  const expression = parseExpression(text);
  return expression && formatExpression(expression);
}

/**
 * Joins expressions into one choice or one sum, in normal form.
 *
 * @param texts valid SPDX expressions, one or more
 */
export function joinExpressions(type: 'or' | 'and', texts: readonly string[]): string | undefined {
  return normaliseExpression(texts.map((text) => `(${text})`).join(type === 'or' ? ' OR ' : ' AND '));
}

function fromInfo(info: parseSpdx.Info): Expression {
  if ('conjunction' in info) return join(info.conjunction, [fromInfo(info.left), fromInfo(info.right)]);
  const plus = info.plus === true;
  const id = GNU.test(info.license)
    ? `${info.license}${plus ? '-or-later' : '-only'}`
    : info.license + (plus ? '+' : '');
  return info.exception === undefined ? { type: 'licence', id } : { type: 'licence', id, exception: info.exception };
}

function join(type: 'or' | 'and', parts: readonly Expression[]): Expression {
  const byText = new Map<string, Expression>();
  for (const part of parts.flatMap((each) => (each.type === type ? each.parts : [each]))) {
    byText.set(formatExpression(part), part);
  }
  const sorted = [...byText].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, part]) => part);
  return sorted.length === 1 ? (sorted[0] as Expression) : { type, parts: sorted };
}
