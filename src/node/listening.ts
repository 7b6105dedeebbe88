import { isTroupeError, TroupeError } from '../core/index.ts';

/**
 * Opens a port of a node; when another program has it, the error says which setting to mend.
 *
 * @throws TroupeError PORT_IN_USE, or what `open` throws
 */
export async function listening<T>(
  port: 'control' | 'data' | 'api',
  address: string,
  open: () => Promise<T>,
): Promise<T> {
  try {
    return await open();
  } catch (error) {
    if (!isTroupeError(error, 'PORT_IN_USE')) throw error;
    const message = `another program listens on ${address}; stop it, or set another listen.${port}`;
    throw new TroupeError('PORT_IN_USE', message, { address, cause: error });
  }
}
