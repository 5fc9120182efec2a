/** Process trees as lines of text. */
import { escapeForTerminal } from '../../runtime/terminal/escape.ts';
import { dateText } from '../output/date-text.ts';
import { cut } from '../output/line-table.ts';
import type { PrintSettings } from '../output/print-settings.ts';
import type { TreeProcess } from './process-tree.ts';

/** Generations whose branches are drawn; a line of a later one only tells its generation. */
const MAX_DRAWN = 30;

type DrawSettings = Pick<PrintSettings, 'width' | 'style'>;

/** Each process and, below it, its descendants. */
export function* drawTrees(processes: Iterable<TreeProcess>, settings: DrawSettings): Generator<string> {
  for (const process of processes) yield* drawFrom(process, settings);
}

/** The ancestors of a process, the process, and its descendants. */
export function* drawWithAncestors(process: TreeProcess, settings: DrawSettings): Generator<string> {
  const ancestors: TreeProcess[] = [];
  for (let parent = process.parent; parent !== undefined; parent = parent.parent) ancestors.unshift(parent);
  for (const [depth, ancestor] of ancestors.entries())
    yield drawLine(ancestor, depth === 0 ? '' : `${indent(depth - 1)}└─ `, depth, settings);
  yield* drawFrom(process, settings, ancestors.length);
}

const indent = (depth: number): string => '   '.repeat(Math.min(depth, MAX_DRAWN));

/** With a stack of its own: a chain of processes can be longer than that of calls. */
function* drawFrom(first: TreeProcess, settings: DrawSettings, depth = 0): Generator<string> {
  const before = depth === 0 ? '' : indent(depth - 1);
  const waiting = [
    {
      process: first,
      depth,
      own: depth === 0 ? '' : `${before}└─ `,
      below: depth === 0 ? '' : `${before}   `,
    },
  ];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { process, depth, own, below } = next;
    yield drawLine(process, own, depth, settings);
    const isDrawn = depth < MAX_DRAWN;
    const children = [...process.children];
    for (const child of children.toReversed()) {
      const isLast = child === children.at(-1);
      waiting.push({
        process: child,
        depth: depth + 1,
        own: isDrawn ? `${below}${isLast ? '└─ ' : '├─ '}` : below,
        below: isDrawn ? `${below}${isLast ? '   ' : '│  '}` : below,
      });
    }
  }
}

/** `31337  2026-12-01T03:16:17Z  uid 0  sh -c ls → ls` */
const drawLine = (
  { pid, images, path }: TreeProcess,
  branch: string,
  depth: number,
  { width, style }: DrawSettings,
): string => {
  const generation = depth > MAX_DRAWN ? `[${depth}] ` : '';
  const [first] = images;
  const facts = first === undefined ? '(not recorded)' : `${dateText(first.time)}  uid ${usersOf(images)}`;
  const program = first === undefined ? path : images.map(({ commandLine }) => commandLine).join(' → ');
  const head = `${branch}${generation}${pid}  `;
  const line = `${head}${facts}${program === '' ? '' : `  ${escapeForTerminal(program)}`}`;
  const shown = width === undefined ? line : cut(line, width);
  // Colours come last, because they have no width.
  return shown.startsWith(head + facts)
    ? `${style.faint(branch)}${style.name(`${generation}${pid}`)}  ${style.faint(facts)}${shown.slice(head.length + facts.length)}`
    : shown;
};

/** The users as which a process ran its programs; two, if it became another one. */
const usersOf = (images: TreeProcess['images']): string =>
  images
    .map(({ uid }) => uid)
    .filter((uid, index, uids) => uid !== uids[index - 1])
    .join(' → ');
