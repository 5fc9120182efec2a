import { basename } from 'node:path';
import type { RuntimeFiles } from '../runtime-files.ts';

/**
 * systemd-nspawn: systemd-machined's file of a machine, `KEY=VALUE` a line. The directory or image is all that is
 * known about its origin.
 */
export const nspawn: RuntimeFiles = (id, read) => {
  const text = read(`/run/systemd/machines/${id}`)?.toString();
  if (text === undefined) return undefined;
  const of = (key: string): string | undefined => new RegExp(`^${key}=(.*)$`, 'm').exec(text)?.[1];
  if (of('NAME') !== id || of('CLASS') !== 'container') return undefined;
  const root = of('ROOT');
  return { name: id, image: root === undefined ? undefined : basename(root) };
};
