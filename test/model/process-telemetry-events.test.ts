import { ByteWriter, createRowEncoder, decodeRows } from 'osquery-extension-ts/encoded';
import { columnRoutes } from 'osquery-extension-ts/protocol';
import { describe, expect, it } from 'vitest';
import type { TelemetryFields } from '../../src/model/sources.ts';
import { processTelemetryEvents } from '../../tables/process_telemetry_events.ts';
import { exec } from './process-events.ts';

const { spec, toRow, fields } = processTelemetryEvents;

/** The fields of the product's data sheet, in its order. */
const documented =
  `timestamp host_name user_uid user_name user_domain user_username login_user_uid login_user_name
  login_user_domain process_md5 process_sha256 process_pid process_name process_path process_command_line
  parent_process_timestamp parent_process_pid parent_process_name parent_process_path parent_process_md5
  parent_process_sha256`.split(/\s+/);

describe('process_telemetry_events', () => {
  it('has the documented columns first and in order, and only time besides them in SELECT *', () => {
    const names = spec.columns.map(({ name }) => name);
    expect(names.slice(0, 21)).toEqual(documented);
    const visible = spec.columns.filter(column => !('options' in column && 'hidden' in column.options));
    expect(visible.map(({ name }) => name)).toEqual([...documented, 'time']);
  });

  it('has numbers where the documented fields are numbers', () => {
    const numbers = spec.columns.filter(({ type }) => type === 'BIGINT').map(({ name }) => name);
    expect(numbers).toEqual([
      'user_uid',
      'login_user_uid',
      'process_pid',
      'parent_process_pid',
      'time',
      'user_namespace_uid',
      'session',
    ]);
  });

  it('is event based, with time and eid as osquery has them', () => {
    const routes = columnRoutes(spec);
    expect(routes).toContainEqual({ id: 'column', name: 'time', type: 'BIGINT', op: '4' });
    expect(routes).toContainEqual({ id: 'column', name: 'eid', type: 'TEXT', op: '16' });
    expect(routes).toContainEqual({ id: 'attributes', attributes: '4' });
  });

  it('is made of every field the model is asked for, and of nothing else', () => {
    const value = (name: string) => {
      const { type } = spec.columns.find(column => column.name === name)!;
      if (name === 'argv') return ['a', 'b c'];
      if (name === 'ancestors') return [{ pid: 1, timestamp: undefined, path: '/sbin/init' }];
      return type === 'BIGINT' ? name.length : `some ${name}`;
    };
    const all = Object.fromEntries(fields.map(name => [name, value(name)])) as unknown as TelemetryFields;
    const row: Record<string, unknown> = toRow({ event: exec(), fields: all });
    expect(Object.keys(row)).toEqual(spec.columns.map(({ name }) => name).filter(name => name !== 'eid'));
    expect(row).toEqual({
      ...all,
      time: 1_716_292_800,
      // Beside the command line, of which a SELECT makes the list.
      argv: '1,3',
      ancestors: '[{"pid":1,"path":"/sbin/init"}]',
    });
  });

  it('has NULL for what is not known', () => {
    const row = toRow({ event: exec(), fields: {} });
    expect(Object.entries(row).filter(([, value]) => value !== undefined)).toEqual([['time', 1_716_292_800]]);
  });

  it('can be written as osquery reads it', () => {
    const out = new ByteWriter();
    const fields = { user_uid: 0, process_path: '/bin/é', argv: ['', 'a b'] };
    createRowEncoder(spec.columns).append(toRow({ event: exec(), fields }), out);
    expect(decodeRows({ count: 1, chunks: [out.take()] })).toEqual([
      { user_uid: '0', process_path: '/bin/é', time: '1716292800', argv: '0,3' },
    ]);
  });
});
