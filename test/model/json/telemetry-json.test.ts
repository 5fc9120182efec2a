import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { telemetryJson } from '../../../src/model/json/telemetry-json.ts';
import type { TelemetryFields } from '../../../src/model/sources.ts';
import { exec } from '../process-events.ts';

const event = (fields: Partial<TelemetryFields>) => ({ event: exec(), fields });

describe('telemetryJson', () => {
  it('is one line with the chosen fields in their order, in the types of JSON', () => {
    const line = telemetryJson(
      event({ process_pid: 42, argv: ['a', 'b c'], process_path: '/bin/a', user_uid: 0 }),
      ['process_path', 'process_pid', 'argv', 'user_uid', 'process_md5'],
    );
    expect(line).toBe(
      '{"process_path":"/bin/a","process_pid":42,"argv":["a","b c"],"user_uid":0,"process_md5":null}\n',
    );
  });

  it('is several lines for people', () => {
    expect(telemetryJson(event({ process_pid: 1 }), ['process_pid'], true)).toBe(
      '{\n  "process_pid": 1\n}\n',
    );
  });

  it('is valid UTF-8 and one line whatever the text', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('\ud800', 'a\udfffb', '\u2028\n\r\0'),
    );
    fc.assert(
      fc.property(text, fc.array(text, { maxLength: 4 }), (path, argv) => {
        const line = telemetryJson(event({ process_path: path, argv }), ['process_path', 'argv']);
        const bytes = Buffer.from(line);
        expect(new TextDecoder('utf-8', { fatal: true }).decode(bytes)).toBe(line);
        expect(line.indexOf('\n')).toBe(line.length - 1);
        const read = JSON.parse(line) as { process_path: string; argv: string[] };
        expect(read).toEqual({ process_path: path, argv });
      }),
    );
  });
});
