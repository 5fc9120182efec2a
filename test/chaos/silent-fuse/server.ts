/**
 * A file system that answers nobody but those it has started itself: an overlay over a FUSE of its own, in a user
 * namespace, with one program that waits. Run by `silent-fuse.ts`, below `unshare -Urm`.
 *
 * Arguments: an empty directory, and how many programs to run. On standard output it writes the number of its FUSE
 * connection, then for each line of standard input the pids of the programs that it has run, as JSON. It runs until its
 * connection is aborted: who waits for it cannot be killed before that.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, openSync, read, readFileSync, writeSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { writeSmallestProgram } from '../smallest-program.ts';
import {
  attributesReply,
  BUFFER_BYTES,
  encodeReply,
  entryReply,
  FUSE,
  type FuseFile,
  type FuseRequest,
  initReply,
  parseRequest,
  statfsReply,
} from './fuse-messages.ts';

const ENOENT = 2;
const ENOSYS = 38;
const MAX_PROGRAMS = 64;

const [directory, count] = process.argv.slice(2) as [string, string];
const programs = Math.min(MAX_PROGRAMS, Number(count));
const place = (name: string): string => {
  const path = join(directory, name);
  mkdirSync(path);
  return path;
};
const lower = place('lower');
const layers = place('layers');
const merged = place('merged');

const image = join(directory, 'image');
writeSmallestProgram(image, 'waits');
const content = readFileSync(image);
const ROOT: FuseFile = { node: 1n, mode: 0o040755, size: 0 };
const names = Array.from({ length: programs }, (_, i) => `program-${i}`);
const fileOf = (node: bigint): FuseFile =>
  node === 1n ? ROOT : { node, mode: 0o100755, size: content.length };

const device = openSync('/dev/fuse', 'r+');
const own = new Set<number>();

const answer = ({ opcode, unique, node, body }: FuseRequest): Buffer | undefined => {
  switch (opcode) {
    case FUSE.INIT:
      return encodeReply(unique, 0, initReply());
    case FUSE.LOOKUP: {
      const index = names.indexOf(body.toString('latin1', 0, body.indexOf(0)));
      return index < 0
        ? encodeReply(unique, ENOENT)
        : encodeReply(unique, 0, entryReply(fileOf(BigInt(index + 2))));
    }
    case FUSE.GETATTR:
      return encodeReply(unique, 0, attributesReply(fileOf(node)));
    case FUSE.OPEN:
    case FUSE.OPENDIR:
      return encodeReply(unique, 0, Buffer.alloc(16));
    case FUSE.READ: {
      const from = Number(body.readBigUInt64LE(8));
      return encodeReply(unique, 0, content.subarray(from, from + body.readUInt32LE(16)));
    }
    case FUSE.STATFS:
      return encodeReply(unique, 0, statfsReply());
    case FUSE.READDIR:
    case FUSE.RELEASE:
    case FUSE.RELEASEDIR:
    case FUSE.FLUSH:
    case FUSE.ACCESS:
      return encodeReply(unique, 0);
    case FUSE.FORGET:
    case FUSE.BATCH_FORGET:
    case FUSE.INTERRUPT:
      return undefined;
    default:
      return encodeReply(unique, ENOSYS);
  }
};

/** Whether a thread is of one of the processes that were started here, as far as it lives. */
const isOwn = (pid: number): boolean => {
  if (pid === 0 || pid === process.pid || own.has(pid)) return true;
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    const group = Number(/^Tgid:\t(\d+)$/m.exec(status)?.[1]);
    const parent = Number(/^PPid:\t(\d+)$/m.exec(status)?.[1]);
    if (![group, parent].some(id => id === process.pid || own.has(id))) return false;
    own.add(pid);
    return true;
  } catch {
    return false;
  }
};

const shells: ChildProcess[] = [];
/** The connection has been aborted: nobody waits for anything any more. */
const end = (): never => {
  for (const { pid } of shells) process.kill(-pid!, 'SIGKILL');
  process.exit(0);
};

const buffer = Buffer.alloc(BUFFER_BYTES);
const serve = (): void => {
  read(device, buffer, 0, buffer.length, null, (error, bytes) => {
    if (error?.code === 'ENODEV') end();
    if (error !== null) return;
    const request = parseRequest(Buffer.from(buffer.subarray(0, bytes)));
    if (isOwn(request.pid)) {
      const reply = answer(request);
      try {
        if (reply !== undefined) writeSync(device, reply);
      } catch {
        // Whoever asked has given up.
      }
    }
    serve();
  });
};

const started = (child: ChildProcess): ChildProcess => {
  if (child.pid !== undefined) own.add(child.pid);
  return child;
};
/** @param more descriptors besides the standard ones: whoever has that of the device keeps the file system alive */
const run = async (program: string, args: readonly string[], more: readonly number[] = []): Promise<void> => {
  const child = started(spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit', ...more] }));
  const [status] = await once(child, 'exit');
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: status ${status}`);
};

await run(
  'mount',
  ['-i', '-t', 'fuse', '-o', 'fd=3,rootmode=40000,user_id=0,group_id=0', 'fuse', lower],
  [device],
);
serve();
/** What /sys/fs/fuse/connections has it by: the minor number of the file system's device. */
const connection = (await stat(lower)).dev & 0xff;
await run('mount', ['-t', 'tmpfs', 'tmpfs', layers]);
mkdirSync(join(layers, 'upper'));
mkdirSync(join(layers, 'work'));
const options = `lowerdir=${lower},upperdir=${join(layers, 'upper')},workdir=${join(layers, 'work')}`;
await run('mount', ['-t', 'overlay', '-o', options, 'overlay', merged]);
process.stdout.write(`${connection}\n`);

// By a shell: Node holds up this thread, which is to answer, until an exec is done.
const script = 'for program; do "$program" & echo $!; done; wait';
for await (const line of createInterface({ input: process.stdin })) {
  if (line === '') continue;
  const shell = started(
    spawn('sh', ['-c', script, 'sh', ...names.map(name => join(merged, name))], {
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    }),
  );
  shells.push(shell);
  const pids: number[] = [];
  for await (const pid of createInterface({ input: shell.stdout! })) {
    pids.push(Number(pid));
    if (pids.length === programs) break;
  }
  process.stdout.write(`${JSON.stringify(pids)}\n`);
}
