import { existsSync } from 'node:fs';
import type { KindOfTask } from '../audit/process-event.ts';

/** Asks procfs, where a thread is listed under the process that made it. */
export const kindOfTask: KindOfTask = (id, maker) => {
  if (existsSync(`/proc/${maker}/task/${id}`)) return 'thread';
  return existsSync(`/proc/${id}`) ? 'process' : 'gone';
};
