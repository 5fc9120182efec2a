import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { planReplay } from '../../../src/ingest/replay/open-replay.ts';
import { replayLogs } from '../../replay-rows.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'packings-'));
});
afterAll(() => rmSync(directory, { recursive: true }));
const file = (name: string, content: Uint8Array): string => {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
};

const COUNT = 5_000;
const text = Array.from(
  { length: COUNT },
  (_, i) =>
    `type=USER_END msg=audit(${1_700_000_000 + i}.000:${i * 7919}): pid=1 uid=0 auid=0 ses=1 msg='op=x exe="/bin/x" res=success'\n`,
).join('');

/** What Node does not unpack itself. */
describe.each([['xz'], ['bzip2']])('a log that %s has packed, where the system has it', program => {
  const { stdout, error } = spawnSync(program, ['-c'], { input: text, maxBuffer: 1 << 24 });

  test.skipIf(error !== undefined)('is read as it is', async () => {
    const path = file(`packed.${program}`, stdout);
    const { files } = await planReplay([path]);
    expect(files).toMatchObject([{ kind: 'audit-log', isPacked: true, size: stdout.length }]);
    const here = await replayLogs([path]);
    expect(here.rows.user_events).toHaveLength(COUNT);
    expect(here.counters.malformed).toBe(0);
    expect(await replayLogs([path], undefined, { besideFrom: 0 })).toEqual(here);
  });

  test.skipIf(error !== undefined)('and that is cut off gives what there is, and says so', async () => {
    const [replay] = (await planReplay([file(`cut.${program}`, stdout.subarray(0, -20))])).files;
    const bytes = await replay!.open();
    let read = '';
    for await (const chunk of bytes.chunks) read += chunk;
    expect(text.startsWith(read)).toBe(true);
    expect(bytes.problem()).toBe(`its ${program} data is damaged or cut off: the rest is lost`);
  });
});
