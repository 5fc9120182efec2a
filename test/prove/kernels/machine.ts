import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';

/** Milliseconds of a test run under software emulation, with room. */
const PATIENCE_MS = 45 * 60_000;

export interface Machine {
  readonly kernel: string;
  readonly initrd: string;
  readonly parameters: readonly string[];
  /** Disks of which every boot has the same content. */
  readonly disks: readonly string[];
  /** The disk that keeps what is written to it. */
  readonly results: string;
  /** File for what the machine says on its console. */
  readonly console: string;
}

/** Boots a machine and resolves when it is off. @throws Error if it does not end by itself */
export const bootMachine = async (machine: Machine): Promise<void> => {
  const disks = [
    ...machine.disks.map(file => `file=${file},if=virtio,format=raw,snapshot=on`),
    `file=${machine.results},if=virtio,format=raw`,
  ];
  const qemu = spawn(
    'qemu-system-x86_64',
    [
      // Software emulation: it is to be had everywhere, and the same everywhere.
      ...['-machine', 'q35,accel=tcg', '-cpu', 'max', '-smp', '1', '-m', '2048'],
      // The machine's clock counts its instructions, and leaps while it has nothing to do. Time limits in it mean what they mean
      // on a host, however slow the emulation is.
      ...['-icount', 'shift=0,sleep=off', '-rtc', 'clock=vm'],
      ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-serial', 'stdio'],
      ...['-kernel', machine.kernel, '-initrd', machine.initrd],
      ...[
        '-append',
        ['console=ttyS0', 'quiet', 'root=/dev/vda', 'rw', 'panic=-1', ...machine.parameters].join(' '),
      ],
      ...disks.flatMap(disk => ['-drive', disk]),
      ...['-object', 'rng-random,filename=/dev/urandom,id=rng', '-device', 'virtio-rng-pci,rng=rng'],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const said = createWriteStream(machine.console);
  for (const stream of [qemu.stdout, qemu.stderr]) stream.pipe(said, { end: false });
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    qemu.kill('SIGKILL');
  }, PATIENCE_MS);
  const stop = (): void => void qemu.kill('SIGKILL');
  process.once('exit', stop);
  const [status] = await once(qemu, 'close');
  process.removeListener('exit', stop);
  clearTimeout(timer);
  said.end();
  if (isLate || status !== 0) {
    const why = isLate ? `was not off after ${PATIENCE_MS / 60_000} minutes` : `ended with ${status}`;
    throw new Error(`the machine ${why}: ${machine.console} has what it said`);
  }
};
