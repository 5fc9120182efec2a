import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './all-pages.ts';

const LIMIT_MS = 60_000;

/** Runs a line of a page in the checkout, with `osquery-audit-events` on PATH as if it were installed. */
export const runLine = (line: string): { readonly output: string; readonly problem: string | undefined } => {
  const bin = mkdtempSync(join(tmpdir(), 'pages-'));
  try {
    const program = `exec "${process.execPath}" --conditions=source "${root}src/cli/main.ts" "$@"`;
    writeFileSync(join(bin, 'osquery-audit-events'), `#!/bin/sh\n${program}\n`, { mode: 0o755 });
    const { status, signal, stdout, stderr } = spawnSync('/bin/sh', ['-c', line], {
      cwd: root,
      encoding: 'utf8',
      timeout: LIMIT_MS,
      env: { ...process.env, PATH: `${bin}:${process.env.PATH}` },
    });
    const isFine = status === 0 && stderr === '';
    return {
      output: stdout.replace(/\n$/, ''),
      problem: isFine ? undefined : `${line}: ended with ${status ?? signal}: ${stderr}`,
    };
  } finally {
    rmSync(bin, { recursive: true, force: true });
  }
};
