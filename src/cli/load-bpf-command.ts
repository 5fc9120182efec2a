import { LOADER_COMMAND } from '../bpf/loader-command.ts';
import type { Command } from './command.ts';

export const loadBpfCommand: Command = {
  name: LOADER_COMMAND,
  summary: 'load the BPF programs of an instance; instances start this themselves',
  usage: LOADER_COMMAND,
  notes: [
    'Loading needs capabilities that an instance gives up at its start. So it starts this process for it, which passes on what it has loaded, and ends.',
  ],
  flags: [],
  flagGroups: [],
  isInternal: true,
  run: async () => {
    process.title = 'audit-load-bpf';
    const { serveLoad } = await import('../bpf/serve-load.ts');
    return serveLoad();
  },
};
