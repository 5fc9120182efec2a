/**
 * Records ordinary work: `npm run record:work`, as root on Debian with openssh-server, sudo, cron, podman, runc, gcc, make, git,
 * python3 and busybox. Writes fixtures/packs/ordinary-work.log.zst: only what ordinary-work.sh did, told by its login users.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { constants, zstdCompressSync } from 'node:zlib';
import { readAuditSettings } from '../../src/flags/audit-settings.ts';
import { openKernelSource } from '../../src/ingest/kernel-source.ts';
import { watchedPaths } from '../../tables/detections/index.ts';

/** The administrator who does the work. */
const LOGIN = 1000;
/** Users whom sshd and cron log in. */
const LOGINS = new Set([LOGIN, 0, Number(execFileSync('id', ['-u', 'postgres'], { encoding: 'utf8' }))]);
const DIRECTORY = '/srv/shop';
const OUTPUT = fileURLToPath(new URL('../../fixtures/packs/ordinary-work.log.zst', import.meta.url));

const work = fileURLToPath(new URL('./ordinary-work.sh', import.meta.url));
const { settings } = readAuditSettings(
  new Map([
    ['audit_allow_config', 'true'],
    ['audit_allow_sockets', 'true'],
    ['audit_allow_fim_events', 'true'],
    ['audit_backlog_limit', '524288'],
    ['audit_debug', 'true'],
  ]),
);
const included = Object.entries(watchedPaths).flatMap(([category, paths]) =>
  paths.map(pattern => ({ category, pattern })),
);
const records: string[] = [];
const source = await openKernelSource(
  { ...settings, watched: { included, excluded: [] } },
  {
    onRows: () => {},
    onProcesses: () => {},
    onRaw: text => void records.push(...text.split('\n').filter(line => line !== '')),
    onWarning: message => console.warn(message),
    onFailed: error => console.warn(String(error)),
  },
);
mkdirSync(DIRECTORY, { mode: 0o755 });
try {
  const child = spawn('bash', ['-c', `echo ${LOGIN} > /proc/self/loginuid; exec ${work} ${DIRECTORY}`], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  await once(child, 'close');
} finally {
  await source.close();
  rmSync(DIRECTORY, { recursive: true, force: true });
}

/** The event of a record. */
const eventOf = (line: string): string => /audit\(([^)]*)\)/.exec(line)?.[1] ?? '';
const wanted = new Set(
  records.filter(line => LOGINS.has(Number(/ auid=(\d+)/.exec(line)?.[1] ?? -1))).map(eventOf),
);
// The checkout's own place, which the first commands have as their directory and their script.
const place = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
const kept = records
  .filter(line => wanted.has(eventOf(line)))
  .map(line => line.replaceAll(place, '/root/checkout'));
const text = Buffer.from(`${kept.join('\n')}\n`);
mkdirSync(fileURLToPath(new URL('.', `file://${OUTPUT}`)), { recursive: true });
const packed = zstdCompressSync(text, {
  params: { [constants.ZSTD_c_compressionLevel]: 19, [constants.ZSTD_c_windowLog]: 24 },
});
writeFileSync(OUTPUT, packed);
console.log(
  `${wanted.size} events in ${kept.length} records of ${records.length}, ${text.length} bytes, packed ${packed.length}`,
);
