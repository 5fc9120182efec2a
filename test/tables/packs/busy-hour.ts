import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { zstdDecompressSync } from 'node:zlib';

/** What test/record/record-ordinary-work.ts recorded. */
const RECORDING = fileURLToPath(new URL('../../../fixtures/packs/ordinary-work.log.zst', import.meta.url));
const HOUR_S = 3_600;
/** How far the pids of one copy are from those of the copy before. A record's pid stays below 2^22, the kernel's limit. */
const PIDS = 40_000;
const PID_LIMIT = 4_194_304;
/** Pids that each copy has in common: the kernel's first processes. */
const FIRST_PIDS = 300;

/**
 * An hour of a busy server: the recorded work, as many times as `copies` says, each time later, with serials and processes of its
 * own.
 */
export const busyHour = (copies: number): string => {
  const lines = zstdDecompressSync(readFileSync(RECORDING)).toString('latin1').split('\n').slice(0, -1);
  const stamps = lines.map(line => /audit\((\d+)\.\d+:(\d+)\)/.exec(line)!);
  const serials = stamps.map(([, , serial]) => Number(serial));
  const span = Math.max(...serials) - Math.min(...serials) + 1;
  const step = Math.floor(HOUR_S / copies);
  const copy = (number: number): string =>
    lines
      .map(line =>
        line
          .replace(
            /audit\((\d+)\.(\d+):(\d+)\)/,
            (_, seconds, fraction, serial) =>
              `audit(${Number(seconds) + number * step}.${fraction}:${Number(serial) + number * span})`,
          )
          .replace(/ (p?pid)=(\d+)/g, (_, name, pid) => ` ${name}=${shifted(Number(pid), number)}`),
      )
      .join('\n');
  return `${Array.from({ length: copies }, (_, number) => copy(number)).join('\n')}\n`;
};

const shifted = (pid: number, number: number): number =>
  pid < FIRST_PIDS ? pid : ((pid + number * PIDS - FIRST_PIDS) % (PID_LIMIT - FIRST_PIDS)) + FIRST_PIDS;
