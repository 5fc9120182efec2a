#!/usr/bin/env node
import { commands } from './commands.ts';
import { dispatch } from './dispatch.ts';
import { reportError } from './report-error.ts';

const stderr = (text: string): void => {
  process.stderr.write(text);
};

/** Handles errors that no command caught: one line, then the end. */
const fail = (error: unknown): never => {
  const report = reportError(error, { verbose: process.argv.includes('--verbose') });
  stderr(report.text);
  process.exit(report.status);
};
process.on('uncaughtException', fail);
process.on('unhandledRejection', fail);

/** The reader of our output is gone: end as on SIGTERM, so that a command can put things back in order. */
process.stdout.on('error', error => {
  if (!('code' in error) || error.code !== 'EPIPE') fail(error);
  if (process.listenerCount('SIGTERM') > 0) process.kill(process.pid, 'SIGTERM');
  else process.exit(0);
});
process.stderr.on('error', () => {});

const version = async (): Promise<string> => {
  const { default: manifest } = await import('../../package.json', { with: { type: 'json' } });
  return manifest.version;
};

void dispatch(process.argv.slice(2), {
  commands,
  version,
  stdout: text => {
    process.stdout.write(text);
  },
  stderr,
}).then(status => process.exit(status));
