import { socketEvents } from '../../../tables/socket_events.ts';
import { ReplayedUnderCore } from '../core.ts';
import { type Figure, median } from '../figure.ts';
import { RecordedConnects } from '../recorded-connects.ts';
import { references } from '../reference.ts';
import type { Scenario } from '../scenario.ts';

const ROWS = 50_000;
const WARM_UP = 5;
const ROUNDS = 11;
const TABLE = socketEvents.spec.name;

const columns: readonly { readonly name: string; readonly options?: { readonly hidden?: boolean } }[] =
  socketEvents.spec.columns;
const visible = columns.filter(({ options }) => options?.hidden !== true).map(({ name }) => name);
/** The same table of an extension that has its answers beforehand. */
const IDEAL = 'ideal_events';
/** Makes core read the columns, and nobody write rows. */
const reading = (names: readonly string[]): string => names.map(name => `count(${name})`).join(' + ');

const queries = [
  { name: 'count(*), per row', what: 'count(*)', atMost: 0.25 },
  { name: '3 columns, per row', what: reading(['pid', 'remote_address', 'remote_port']), atMost: 1.7 },
  { name: `all ${visible.length} columns, per row`, what: reading(visible), atMost: 5.5 },
];

export const selectCore: Scenario = {
  name: 'select-core',
  title: 'SELECT over 50,000 buffered socket events through core, from the query to its answer',
  needsAudit: false,
  run: async ({ program }) => {
    using log = new RecordedConnects(ROWS, 100);
    await using core = await ReplayedUnderCore.start(program, log.path, TABLE, ROWS);
    await using _ideal = await core.ideal(socketEvents.spec, IDEAL);
    const figures: Figure[] = [];
    for (const { name, what, atMost } of queries) {
      const ours: number[] = [];
      const ideal: number[] = [];
      // By turns: what else the machine does is the same for both.
      for (let i = 0; i < WARM_UP + ROUNDS; i++) {
        const milliseconds = await core.time(`SELECT ${what} FROM ${TABLE}`);
        const least = await core.time(`SELECT ${what} FROM ${IDEAL}`);
        if (i < WARM_UP) continue;
        ours.push(milliseconds);
        ideal.push(least);
      }
      const perRow = (times: readonly number[]): number => (median(times) * 1000) / ROWS;
      // What the embedded core costs is SQLite's in WebAssembly: no measure of osqueryd's.
      figures.push(
        core.isOsqueryd
          ? { name, value: perRow(ours), unit: 'µs', goal: { atMost }, peers: references.selectRow }
          : { name: `${name}, embedded core`, value: perRow(ours), unit: 'µs', peers: references.selectRow },
        { name: '… with an ideal extension', value: perRow(ideal), unit: 'µs' },
        // By turns, so that it does not depend on what else runs.
        { name: '… times that', value: perRow(ours) / perRow(ideal), unit: '×', goal: { atMost: 1.4 } },
      );
    }
    return figures;
  },
};
