import { type Figure, isReached, type Peer, peers } from './figure.ts';
import type { Scenario } from './scenario.ts';

export interface ScenarioResult {
  readonly scenario: Scenario;
  readonly figures: readonly Figure[];
}

/** For people: a scenario and its figures, one per line. `*` marks what was not measured in this run. */
export const resultTable = (results: readonly ScenarioResult[]): string => {
  const rows: string[][] = [['', 'ours', 'goal', ...peers]];
  for (const { scenario, figures } of results) {
    rows.push([`${scenario.name}: ${scenario.title}`]);
    for (const figure of figures) {
      rows.push([
        `  ${figure.name}`,
        `${formatNumber(figure.value)} ${figure.unit}`,
        goalText(figure),
        ...peers.map(peer => peerText(figure, peer)),
      ]);
    }
  }
  const isHeading = (row: readonly string[]): boolean => row.length === 1;
  const widths = [0, 1, 2, 3, 4].map(column =>
    Math.max(...rows.filter(row => !isHeading(row)).map(row => row[column]!.length)),
  );
  const lines = rows.map(row =>
    isHeading(row)
      ? `\n${row[0]}`
      : row
          .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
          .join('  ')
          .trimEnd(),
  );
  const marked = results.some(({ figures }) =>
    figures.some(figure => figure.peers?.some(({ source }) => source === 'reference')),
  );
  const legend = marked
    ? "\n* not measured now: from the project's reference, on a machine of the same kind\n"
    : '';
  return `${lines.join('\n')}\n${legend}`;
};

const formatNumber = (value: number): string => {
  const digits = Math.abs(value) >= 100 || Number.isInteger(value) ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
};

const goalText = (figure: Figure): string => {
  const { goal } = figure;
  if (goal === undefined) return '';
  const bound = 'atMost' in goal ? `≤ ${formatNumber(goal.atMost)}` : `≥ ${formatNumber(goal.atLeast)}`;
  return `${isReached(figure) ? 'ok' : 'NO'} ${bound}`;
};

const peerText = (figure: Figure, peer: Peer): string => {
  const found = figure.peers?.find(candidate => candidate.peer === peer);
  if (found === undefined) return '';
  return found.source === 'reference' ? `${found.text}*` : found.text;
};

export interface HostFacts {
  readonly node: string;
  readonly kernel: string;
  readonly cpus: number;
  readonly program: string;
  /** Processes that wanted a CPU on average over the last minute, before and after: others were at work if it is high. */
  readonly loadBefore: number;
  readonly loadAfter: number;
}

/** For machines. */
export const resultJson = (results: readonly ScenarioResult[], host: HostFacts): string =>
  `${JSON.stringify(
    {
      host,
      scenarios: results.map(({ scenario, figures }) => ({
        name: scenario.name,
        title: scenario.title,
        figures: figures.map(figure => ({ ...figure, reached: isReached(figure) })),
      })),
    },
    undefined,
    2,
  )}\n`;
