import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isThere } from './behaviours.ts';

const SSHD = '/usr/sbin/sshd';
const START_MS = 10_000;

export const whyNoSsh =
  existsSync(SSHD) && isThere('ssh') && isThere('ssh-keygen')
    ? undefined
    : 'it needs openssh-server and openssh-client';

/** An sshd of Debian on loopback, with PAM, to which root can log in with a key. */
export class SshServer implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #directory: string;
  readonly #port: number;

  private constructor(child: ChildProcess, directory: string, port: number) {
    this.#process = child;
    this.#directory = directory;
    this.#port = port;
  }

  get pid(): number {
    return this.#process.pid!;
  }

  /** @param directory for its files, of this server alone */
  static async start(directory: string, port: number): Promise<SshServer> {
    mkdirSync(directory);
    mkdirSync('/run/sshd', { recursive: true });
    for (const name of ['key', 'host_key'])
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(directory, name)]);
    copyFileSync(join(directory, 'key.pub'), join(directory, 'authorized_keys'));
    const config = join(directory, 'sshd_config');
    writeFileSync(
      config,
      `Port ${port}\nListenAddress 127.0.0.1\nHostKey ${directory}/host_key\nAuthorizedKeysFile ${directory}/authorized_keys\n` +
        'StrictModes no\nPermitRootLogin yes\nUsePAM yes\nPidFile none\n',
    );
    const child = spawn(SSHD, ['-D', '-e', '-f', config], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', text => (said += text));
    const server = new SshServer(child, directory, port);
    const deadline = performance.now() + START_MS;
    while (!(await answers(port))) {
      if (child.exitCode !== null || performance.now() > deadline)
        throw new Error(`sshd did not start: ${said}`);
      await sleep(20);
    }
    return server;
  }

  /** A login of root that runs a command, from an address of loopback. */
  command(from: string, command: string): string {
    const options = [
      'StrictHostKeyChecking=no',
      'UserKnownHostsFile=/dev/null',
      'LogLevel=ERROR',
      'BatchMode=yes',
    ]
      .map(option => `-o ${option}`)
      .join(' ');
    return `ssh -F none -i ${this.#directory}/key ${options} -b ${from} -p ${this.#port} root@127.0.0.1 '${command}'`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, 'close');
    this.#process.kill('SIGTERM');
    await ended;
  }
}

const answers = (port: number): Promise<boolean> =>
  new Promise(resolve => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
