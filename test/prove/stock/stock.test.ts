import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { whyNotLive } from '../../live/kernel-audit.ts';
import { unless } from '../../unless.ts';
import { osquery, whyNotStock } from './osquery-programs.ts';
import { runScenario } from './run-scenario.ts';
import { stockScenarios } from './scenarios.ts';
import { buildExtension } from './stage.ts';

/** Milliseconds beyond a scenario's own limit, to wait for audit and to end what it has started. */
const MARGIN_MS = 120_000;

describe('in a stock osqueryd', unless(whyNotStock), () => {
  let directory: string;
  let extension: string;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'stock-test-'));
    extension = await buildExtension(directory);
  }, MARGIN_MS);
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  for (const scenario of stockScenarios) {
    test(`${scenario.name}: ${scenario.title}`, {
      ...unless(scenario.isLive ? whyNotLive : undefined),
      timeout: scenario.limit * 1000 + MARGIN_MS,
    }, async () => {
      const said: string[] = [];
      const { isProven } = await runScenario(scenario, osquery!, extension, line => said.push(line));
      expect(isProven, said.join('\n')).toBe(true);
    });
  }
});
