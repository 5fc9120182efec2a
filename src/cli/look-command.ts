import type { FlagDefinition } from '../flags/flag-definition.ts';
import { FlagError } from '../flags/flag-error.ts';
import { LOOK_COMMAND } from '../model/looks/look-command-name.ts';
import { keepHeapSmall } from '../runtime/v8-options.ts';
import type { Command } from './command.ts';

/** The name that ps shows for this process, before the list of what it looks at. It differs from an instance's name, because others search for instances by name. */
const TITLE = 'audit-look';

const flag = (name: string, defaultValue: string, help: string): FlagDefinition => ({
  name,
  type: 'uint64',
  defaultValue,
  group: 'command',
  valueName: 'N',
  help,
});

const lookFlags: readonly FlagDefinition[] = [
  {
    name: 'kind',
    type: 'string',
    defaultValue: '',
    group: 'command',
    words: ['images', 'hashes'],
    valueName: 'KIND',
    help: 'What to look at: images (times of program files) or hashes',
  },
  flag('file_bytes', '67108864', 'Bytes of the largest file that is hashed'),
  flag('cpu_percent', '25', 'Percent of a CPU that hashing may use'),
];

export const lookCommand: Command = {
  name: LOOK_COMMAND,
  summary: 'look at files for an instance; instances start this themselves',
  usage: 'look --kind KIND',
  notes: [
    'A file system that does not answer blocks the process that reads it. So instances start this process for it, which can be abandoned.',
  ],
  flags: lookFlags,
  flagGroups: [],
  isInternal: true,
  run: async ({ values }) => {
    const kind = values.get('kind');
    process.title = `${TITLE} ${kind}`;
    keepHeapSmall();
    const { ProcfsReader } = await import('../model/procfs/reader.ts');
    const { LOOK_FD } = await import('../model/looks/look-command-name.ts');
    switch (kind) {
      case 'images': {
        const { serveImages } = await import('../ingest/serve-images.ts');
        serveImages(LOOK_FD, new ProcfsReader());
        return 0;
      }
      case 'hashes': {
        const { serveHashes } = await import('../model/hash/serve-hashes.ts');
        await serveHashes(LOOK_FD, {
          maxFileBytes: Number(values.get('file_bytes')),
          cpuPercent: Number(values.get('cpu_percent')),
        });
        return 0;
      }
      default:
        throw new FlagError('usage', 'look: --kind is missing; instances start this themselves');
    }
  },
};
