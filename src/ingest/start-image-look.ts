import { closeSync } from 'node:fs';
import type { StartedLook } from '../model/looks/look-keeper.ts';
import { startLook } from '../model/looks/start-look.ts';
import { socketPair } from '../runtime/socket-calls.ts';

/**
 * Starts the process that looks at files that processes run. Its channel is a descriptor, which the thread that reads
 * the kernel uses without an event loop.
 *
 * @throws Error if it cannot be started
 */
export const startImageLook = (): StartedLook<number> => {
  const [own, its] = socketPair();
  try {
    return { child: startLook('images', its), channel: own };
  } catch (error) {
    closeSync(own);
    throw error;
  } finally {
    closeSync(its);
  }
};
