import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { ownAddress } from './peer.ts';

export interface LoginScript {
  /** Login user of its processes. No other process of the host has it. */
  readonly auid: number;
  /** For messages. */
  readonly what: string;
  readonly script: string;
  /** Its `$D` and `$W` are `intruder` and `worker` in it. */
  readonly directory: string;
  /** Of the peer. */
  readonly port: number;
  readonly mark: string;
}

/** Runs a script of bash in a login of its own; resolves with what it said if it failed, else with an empty text. */
export const runInLogin = async (login: LoginScript): Promise<string> => {
  const { auid, what, script, directory, port, mark } = login;
  const child = spawn('bash', ['-c', `echo ${auid} > /proc/self/loginuid; cd "$D"; ${script}`], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      HOME: directory,
      D: join(directory, 'intruder'),
      W: join(directory, 'worker'),
      PORT: String(port),
      ME: ownAddress() ?? '',
      MARK: mark,
    },
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', text => {
      said += text;
    });
  const [status] = await once(child, 'close');
  return status === 0 ? '' : `${what}: status ${status}: ${said}`;
};
