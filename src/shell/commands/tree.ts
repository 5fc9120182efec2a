/** `.tree [PID]`: the process tree of what is buffered. */
import { type CommandSession, type DotCommand, type InputOutcome, wrong } from '../command-session.ts';
import { drawTrees, drawWithAncestors } from '../events/draw-tree.ts';
import { processesOf, type TreeProcess } from '../events/process-tree.ts';
import { readTree } from '../events/read-tree.ts';
import type { PrintSettings } from '../output/print-settings.ts';
import { coreSource } from '../sql-source.ts';

/** Lines that are written at once. */
const BATCH_LINES = 200;

/** @returns undefined if the text is no pid */
export const parsePid = (text: string): number | undefined =>
  /^[0-9]{1,10}$/.test(text) ? Number(text) : undefined;

/** The lines of all trees, or of those of one pid. */
export const treeLines = (
  roots: Iterable<TreeProcess>,
  pid: number | undefined,
  settings: Pick<PrintSettings, 'width' | 'style'>,
): Iterable<string> =>
  pid === undefined
    ? drawTrees(roots, settings)
    : (function* () {
        for (const process of processesOf(roots, pid)) yield* drawWithAncestors(process, settings);
      })();

/** Writes lines in batches until the signal fires. */
export const writeLines = async (
  lines: Iterable<string>,
  write: (text: string) => Promise<void>,
  signal: AbortSignal,
): Promise<void> => {
  let batch: string[] = [];
  for (const line of lines) {
    batch.push(`${line}\n`);
    if (batch.length < BATCH_LINES) continue;
    await write(batch.join(''));
    batch = [];
    if (signal.aborted) return;
  }
  await write(batch.join(''));
};

const draw = (session: CommandSession, pid: number | undefined): Promise<InputOutcome> =>
  session.interruptible(async signal => {
    const roots = await readTree(coreSource(session.core), signal);
    if (pid !== undefined && processesOf(roots, pid).length === 0)
      return wrong(session, `.tree: no recorded event is of process ${pid}`);
    await writeLines(treeLines(roots, pid, session.printSettings()), text => session.write(text), signal);
    return 'done';
  });

export const treeCommand: DotCommand = {
  name: 'tree',
  argument: 'nothing',
  usage: '[PID]',
  help: 'Draw the process tree of the recorded events, or around one process',
  run: async (session, argument) => {
    const pid = parsePid(argument);
    if (argument !== '' && pid === undefined)
      return wrong(session, `.tree: expected the id of a process, got ${JSON.stringify(argument)}`);
    return draw(session, pid);
  },
};
