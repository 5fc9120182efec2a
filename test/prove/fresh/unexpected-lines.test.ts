import { expect, test } from 'vitest';
import { unexpectedLines } from './unexpected-lines.ts';

test('what npm says when all is well is expected', () => {
  expect(unexpectedLines('\nadded 63 packages in 1m\n')).toEqual([]);
  expect(
    unexpectedLines('added 1 package, and audited 64 packages in 900ms\n\nfound 0 vulnerabilities\n'),
  ).toEqual([]);
});

test.each([
  'npm warn EBADENGINE Unsupported engine {',
  'npm warn install-scripts 3 packages have install scripts not yet covered by allowScripts:',
  '19 packages are looking for funding',
  '2 vulnerabilities (1 moderate, 1 high)',
  'node: error while loading shared libraries: libatomic.so.1',
])('a newcomer would have to think about: %s', line => {
  expect(unexpectedLines(`\n${line}\nadded 63 packages in 31s\n`)).toEqual([line]);
});
