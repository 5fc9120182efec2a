import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { createTelemetryModel, type TelemetryEvent } from '../../src/model/telemetry-model.ts';
import { readTrail } from '../../src/openbsm/read-trail.ts';
import { processTelemetryEvents } from '../../tables/process_telemetry_events.ts';

const trail = readFileSync(new URL('../../fixtures/openbsm/processes.trail', import.meta.url));

it('process_telemetry_events tells of the execs of a trail that succeeded, and who their parents were', async () => {
  const emitted: TelemetryEvent[] = [];
  const { model } = createTelemetryModel({
    origin: 'replay',
    wanted: processTelemetryEvents.fields,
    emit: event => emitted.push(event),
  });
  await model.start();
  for await (const event of readTrail([trail])) if (event.kind === 'process') model.offer(event);
  await model.close();

  const rows = emitted.map(processTelemetryEvents.toRow);
  expect(
    rows.map(row => [row.process_pid, row.process_path, row.parent_process_pid, row.parent_process_path]),
  ).toEqual([
    [5001, '/System/Volumes/Data/bin/ls', 4242, undefined],
    [5002, '/Users/kathe/deploy.py', 5001, '/System/Volumes/Data/bin/ls'],
    [5003, '/usr/bin/id', 5002, '/Users/kathe/deploy.py'],
    [5008, '/usr/bin/log', 5002, '/Users/kathe/deploy.py'],
    [5009, undefined, 5002, '/Users/kathe/deploy.py'],
    [5003, '/usr/libexec/xpcproxy', 5002, '/Users/kathe/deploy.py'],
    [5003, '/bin/old', 5002, '/Users/kathe/deploy.py'],
    [5003, '/bin/labelled', 5002, '/Users/kathe/deploy.py'],
    [5003, undefined, 5002, '/Users/kathe/deploy.py'],
    [5002, '/bin/after', undefined, undefined],
  ]);
  expect(rows[1]).toMatchObject({
    timestamp: '2024-05-21T13:37:00.123Z',
    user_uid: 501,
    login_user_uid: 501,
    process_name: 'deploy.py',
    process_command_line: './deploy.py --now',
    parent_process_command_line: 'ls -l two words',
    session: 100007,
  });
});
