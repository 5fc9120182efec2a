import { FlagError, quoteText } from '../flags/flag-error.ts';
import { createTextSink } from '../runtime/terminal/text-sink.ts';
import type { EndingSignals } from '../shell/ending-signals.ts';
import type { SqlSource } from '../shell/sql-source.ts';
import type { Command } from './command.ts';
import { commonFlags, treeFlags } from './command-flags.ts';
import { coreOnEvents } from './core-source.ts';
import { SourceError } from './report-error.ts';
import { onRunningOsquery } from './running-osquery.ts';
import { stdoutSettings } from './terminal-output.ts';

export const treeCommand: Command = {
  name: 'tree',
  summary: 'the process tree of recorded events',
  usage: 'tree [PID] [--seconds N] [--socket PATH] [--replay FILE]',
  notes: [
    'With the id of a process it draws the ancestors and the descendants of that one.',
    'Without --replay or --socket it records the events of the kernel for some seconds, and then draws who started what.',
  ],
  flags: treeFlags,
  flagGroups: commonFlags,
  run: async flags => {
    const [text, stray] = flags.positionals;
    if (stray !== undefined) throw new FlagError('usage', `tree: unexpected argument ${quoteText(stray)}`);
    const { parsePid } = await import('../shell/commands/tree.ts');
    const pid = text === undefined ? undefined : parsePid(text);
    if (text !== undefined && pid === undefined)
      throw new FlagError('usage', `tree: expected the id of a process, got ${quoteText(text)}`);
    const socket = flags.values.get('socket');
    if (socket !== undefined && socket !== '')
      return onRunningOsquery(socket, (source, signal) => drawTree(source, pid, signal));
    const events = await coreOnEvents(flags, treeFlags);
    const seconds = Number(flags.values.get('seconds') ?? '10');
    const { runOnCore } = await import('../shell/run-core.ts');
    const { coreSource } = await import('../shell/sql-source.ts');
    return runOnCore(events, async ({ core, signals }) => {
      if (events.readsFiles !== true) await record(seconds, signals);
      return drawTree(coreSource(core), pid, signals.ending);
    });
  },
};

/** Waits; Ctrl-C ends only the waiting. */
const record = async (seconds: number, signals: EndingSignals): Promise<void> => {
  const { pause } = await import('../shell/pause.ts');
  const enough = new AbortController();
  signals.onceInterrupted(() => enough.abort());
  if (process.stderr.isTTY === true) process.stderr.write(`Recording for ${seconds} s (Ctrl-C: enough)\n`);
  await pause(seconds * 1000, AbortSignal.any([enough.signal, signals.ending]));
  signals.onceInterrupted(undefined);
};

const drawTree = async (source: SqlSource, pid: number | undefined, signal: AbortSignal): Promise<number> => {
  const { treeLines, writeLines } = await import('../shell/commands/tree.ts');
  const { processesOf } = await import('../shell/events/process-tree.ts');
  const { readTree } = await import('../shell/events/read-tree.ts');
  const roots = await readTree(source, signal);
  if (pid !== undefined && processesOf(roots, pid).length === 0)
    throw new SourceError(`no recorded event is of process ${pid}`);
  const out = createTextSink(process.stdout);
  await writeLines(treeLines(roots, pid, stdoutSettings('table')), text => out.write(text), signal);
  return 0;
};
