import { tally } from './agents.ts';
import type { LoadReport } from './load.ts';
import { PARTS, type Tool } from './tool.ts';

/** What is counted at the end of a soak. All but the first and the last two must be 0. */
export interface Account {
  readonly acknowledged: number;
  readonly lost: number;
  readonly repeated: number;
  readonly duplicated: number;
  readonly misordered: number;
  readonly missing: number;
  readonly unanswered: number;
  readonly silenceMsMax: number;
  readonly refused: number;
}

/**
 * Holds what was acknowledged against what agents and the tool have.
 *
 * @param agents that were under load
 */
export function account(
  load: LoadReport,
  tool: Tool,
  agents: number,
): { readonly figures: Account; readonly sound: boolean } {
  const { acknowledged, silenceMs, unknown, agents: told = [] } = load;
  const broken = { lost: 0, repeated: tool.repeated, duplicated: 0, misordered: 0, missing: 0, unanswered: unknown };
  for (const [i, each] of told.entries()) {
    const { data: own } = tally.safeParse(each.told);
    if (own === undefined) broken.unanswered++;
    else {
      broken.lost += Math.max(0, each.acknowledged - own.last);
      broken.duplicated += own.doubled;
      broken.misordered += own.skipped;
    }
    for (let n = 0; n <= each.acknowledged; n++) {
      for (const part of PARTS) if (!tool.effects.has(`clerk/c${i}/c${i}-${n}/${part}`)) broken.missing++;
    }
  }
  const figures = { acknowledged, ...broken, silenceMsMax: silenceMs, refused: tool.refused };
  return { figures, sound: told.length === agents && Object.values(broken).every((count) => count === 0) };
}
