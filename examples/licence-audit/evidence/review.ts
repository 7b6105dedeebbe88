/** What one reviewer makes of a package. Equal evidence always gives an equal review. */
export interface Review {
  /** Normal SPDX expression; undefined when the evidence says nothing. */
  readonly expression: string | undefined;
  /** One line for a person. */
  readonly reason: string;
  /** How sure it is, 0 to 1. */
  readonly score: number;
}

const UNREADABLE = 'unreadable: ';
const reasonCharsMax = 400;

/** A review with an opinion. */
export function found(expression: string, reason: string, score: number): Review {
  return { expression, reason: line(reason), score };
}

/** A review without one: the reviewer abstains. */
export function nothing(reason: string): Review {
  return { expression: undefined, reason: line(reason), score: 0 };
}

/** Marks a reason as being about evidence that could not be read, or not in full; the report lists those. */
export function unreadable(reason: string): string {
  return UNREADABLE + reason;
}

/** Whether a reason was marked by `unreadable`. */
export function isUnreadable(reason: string): boolean {
  return reason.startsWith(UNREADABLE);
}

/** What a package's own files say may hold anything: one bounded line of it is enough. */
function line(text: string): string {
  const flat = text.replaceAll(/\p{C}+|\s+/gu, ' ').trim();
  return flat.length <= reasonCharsMax ? flat : `${flat.slice(0, reasonCharsMax - 1)}…`;
}
