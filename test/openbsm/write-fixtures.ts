import { writeFileSync } from 'node:fs';
import { expectationText, printedText, rowsText } from './fixture-expectation.ts';
import { FIXTURE_TRAILS } from './fixture-trails.ts';

/** Rewrites fixtures/openbsm: `npm run fixtures:openbsm`. Read the difference before committing it. */
const directory = new URL('../../fixtures/openbsm/', import.meta.url);
for (const [name, make] of Object.entries(FIXTURE_TRAILS)) {
  const trail = make();
  writeFileSync(new URL(`${name}.trail`, directory), trail);
  writeFileSync(new URL(`${name}.json`, directory), await expectationText(trail));
  writeFileSync(new URL(`${name}.txt`, directory), await printedText(trail));
  writeFileSync(new URL(`${name}.rows.json`, directory), await rowsText(new URL(`${name}.trail`, directory)));
}
