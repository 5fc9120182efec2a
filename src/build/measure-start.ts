import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ExtensionManagerServer } from 'osquery-extension-ts/server';

/** An executable that takes longer than this is treated as one that does not start. */
const PATIENCE_MS = 30_000;

const refused = (): never => {
  throw new Error('not here');
};

/**
 * Milliseconds from the start of an extension's executable until it registers with core. Core is a stand-in here, and
 * the executable reads no events: a build leaves kernel audit alone. `npm run bench -- start` measures it with them.
 *
 * @throws Error with its stderr, if it ends before it registers
 */
export const measureStart = async (executable: string): Promise<number> => {
  const directory = await mkdtemp(join(tmpdir(), 'start-'));
  const registered = Promise.withResolvers<number>();
  let begin = 0;
  const socketPath = join(directory, 'em');
  await using server = new ExtensionManagerServer({
    socketPath,
    handlers: {
      call: () => [],
      extensions: () => new Map(),
      options: () => new Map(),
      registerExtension: () => {
        registered.resolve(performance.now() - begin);
        return 1;
      },
      deregisterExtension: () => {},
      query: refused,
      getQueryColumns: refused,
    },
  });
  try {
    await server.listen();
    begin = performance.now();
    const args = ['--socket', socketPath, '--replay', '/dev/null'];
    const child = spawn(executable, args, { cwd: directory, env: {}, stdio: ['ignore', 'ignore', 'pipe'] });
    let complaints = '';
    child.stderr.setEncoding('utf8').on('data', text => {
      complaints += text;
    });
    const ended = new Promise<void>(resolve => child.once('close', () => resolve()));
    child.once('error', registered.reject);
    const fail = (what: string) => registered.reject(new Error(`${executable}: ${what}: ${complaints}`));
    const timer = setTimeout(() => fail(`expected it to register within ${PATIENCE_MS} ms`), PATIENCE_MS);
    void ended.then(() => fail('expected it to register, but it ended'));
    try {
      return await registered.promise;
    } finally {
      clearTimeout(timer);
      child.kill('SIGKILL');
      await ended;
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
};
