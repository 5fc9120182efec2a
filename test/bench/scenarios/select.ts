import type { Figure } from '../figure.ts';
import { RecordedConnects } from '../recorded-connects.ts';
import { references } from '../reference.ts';
import { medianSelect, startReplayed } from '../replayed.ts';
import type { Scenario } from '../scenario.ts';
import type { SelectOptions } from '../select-request.ts';

const ROWS = 50_000;

const selections: readonly (Omit<Figure, 'value' | 'unit'> & { readonly options: SelectOptions })[] = [
  { name: 'all columns, per row', options: {}, goal: { atMost: 1.5 }, peers: references.selectRow },
  {
    name: '3 columns, per row',
    options: { columns: ['pid', 'remote_address', 'remote_port'] },
    peers: references.selectRow,
  },
  { name: 'count(*), per row', options: { columns: [] }, goal: { atMost: 0.3 }, peers: references.selectRow },
];

export const select: Scenario = {
  name: 'select',
  title: 'SELECT over 50,000 buffered socket events, from request to last byte',
  needsAudit: false,
  run: async ({ program }) => {
    using log = new RecordedConnects(ROWS, 100);
    await using extension = await startReplayed(program, log, ROWS);
    const figures: Figure[] = [];
    for (const { options, ...figure } of selections) {
      const { milliseconds, bytes } = await medianSelect(extension, options);
      figures.push({ ...figure, value: (milliseconds * 1000) / ROWS, unit: 'µs' });
      if (options.columns === undefined)
        figures.push({ name: 'all columns, bytes per row', value: bytes / ROWS, unit: 'B' });
    }
    return figures;
  },
};
