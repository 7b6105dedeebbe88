import { type Logger, type NodeId, nullLogger, TroupeError } from '../core/index.ts';

/**
 * Holds what a caller says of itself against what it has proved.
 *
 * @param proven whom its certificate names; undefined where nobody asks for one
 * @param logger where the line goes, unless the caller logs what is thrown
 * @throws TroupeError IDENTITY_MISMATCH
 */
export function checkProven(proven: NodeId | undefined, said: NodeId, logger: Logger = nullLogger): void {
  if (proven === undefined || proven === said) return;
  logger.warn('peer refused', { code: 'IDENTITY_MISMATCH', certificate: proven, said });
  throw new TroupeError('IDENTITY_MISMATCH', `it calls itself ${said}, its certificate is for ${proven}`, {
    address: said,
  });
}
