/** The fenced blocks of a page, and how each is kept true. */

/**
 * - `run`: a test runs it, and compares what it prints
 * - `live`: the same, as root on the live kernel
 * - `by`: a script of package.json runs it
 * - `recorded`: it was seen on a day
 */
export type Truth =
  | { readonly kind: 'run' | 'live' }
  | { readonly kind: 'by'; readonly script: string }
  | { readonly kind: 'recorded'; readonly date: string };

export interface Command {
  readonly line: string;
  /** Whether its prompt is root's: `#` instead of `$`. */
  readonly isRoot: boolean;
  /** What it prints, without the last newline. */
  readonly output: string;
  /** Line numbers of the output in the page, from 1: the first, and the one behind the last. */
  readonly from: number;
  readonly to: number;
}

export interface ConsoleBlock {
  readonly truth: Truth;
  readonly commands: readonly Command[];
}

export interface Fence {
  /** Number of the line that opens it, from 1. */
  readonly at: number;
  readonly info: string;
  readonly lines: readonly string[];
}

/** The fenced blocks of a page, in their order. @throws Error if one is not closed */
export const fencesOf = (page: string): readonly Fence[] => {
  const fences: Fence[] = [];
  let open: { at: number; info: string; lines: string[] } | undefined;
  for (const [index, line] of page.split('\n').entries()) {
    const [, info] = /^\s*```(.*)$/.exec(line) ?? [];
    if (info === undefined) open?.lines.push(line);
    else if (open === undefined) open = { at: index + 1, info, lines: [] };
    else {
      fences.push(open);
      open = undefined;
    }
  }
  if (open !== undefined) throw new Error(`line ${open.at}: expected an end of the block`);
  return fences;
};

/** The page without its fenced blocks. */
export const proseOf = (page: string): string => page.replace(/^\s*```[\s\S]*?^\s*```$/gm, '');

const truthOf = ({ info, at }: Fence): Truth | undefined => {
  const [language, kind, value, ...more] = info.split(' ');
  if (language !== 'console') return undefined;
  if (more.length === 0) {
    if (kind === undefined) return { kind: 'run' };
    if (kind === 'live' && value === undefined) return { kind };
    if (kind === 'by' && value !== undefined) return { kind, script: value };
    if (kind === 'recorded' && /^\d{4}-\d{2}-\d{2}$/.test(value ?? '')) return { kind, date: value! };
  }
  throw new Error(`line ${at}: expected console, with live, by SCRIPT or recorded YYYY-MM-DD, got ${info}`);
};

/** The block of commands in a fence; undefined if it has none. @throws Error if its mark cannot be read */
export const consoleBlock = (fence: Fence): ConsoleBlock | undefined => {
  const truth = truthOf(fence);
  if (truth === undefined) return undefined;
  const starts = [...fence.lines.keys()].filter(index => /^[$#] /.test(fence.lines[index]!));
  const commands = starts.map((start, index) => {
    const end = starts[index + 1] ?? fence.lines.length;
    return {
      line: fence.lines[start]!.slice(2),
      isRoot: fence.lines[start]!.startsWith('#'),
      output: fence.lines.slice(start + 1, end).join('\n'),
      from: fence.at + start + 2,
      to: fence.at + end + 1,
    };
  });
  return { truth, commands };
};

/** Text in which every number is the same, and the width of a table says nothing: of live events. */
export const withoutNumbers = (text: string): string =>
  text.replaceAll(/\d+/g, '0').replaceAll(/-{2,}/g, '--').replaceAll(/ {2,}/g, ' ');
