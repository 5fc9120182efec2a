#!/usr/bin/env node
import('../dist/cli.js').then(
  async ({ runCli }) => {
    process.exitCode = await runCli(process.argv.slice(2));
  },
  // If Node is too old, the message says so.
  error => {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  },
);
