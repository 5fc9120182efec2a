import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { ExecLoad } from '../../exec-load.ts';
import { Installation } from '../installation.ts';
import { checkAccount } from '../live-schedule.ts';
import type { StockScenario } from '../scenario.ts';
import type { Stage } from '../stage.ts';

const EXECS = 100;
const SECONDS = 4;
const EXECUTIONS = 'pack_process_events_executions';
const LISTENERS = 'pack_socket_events_taken_ports';
/** The packs have intervals of a minute. */
const FIRST_RUN_MS = 90_000;
const DOCTOR_MS = 60_000;

export const install: StockScenario = {
  name: 'install',
  title:
    "the README's steps: the built file, osquery.flags, the packs and their configuration, watchdog and all",
  isLive: true,
  limit: 180,
  run: async stage => {
    const { directory: root, extension } = stage;
    const installation = new Installation({
      root,
      extension,
      // A directory of the test's own, not the host's.
      options: { custom_audit_state_dir: join(root, 'state') },
    });
    await using daemon = stage.start(installation, [], { withWatchdog: true });
    await daemon.ready();
    const load = new ExecLoad(`install-${process.pid}-`, EXECS, SECONDS);
    await load.run();
    const port = await listenOnce();
    for (const name of [EXECUTIONS, LISTENERS])
      await daemon.ran(name, daemon.runs.of(name).length + 1, FIRST_RUN_MS);
    const rows = daemon.results(EXECUTIONS);
    checkAccount(
      stage,
      load,
      rows.map(({ columns }) => columns.cmdline),
    );
    const listeners = daemon.results(LISTENERS).filter(({ columns }) => columns.local_port === String(port));
    stage.equal('a listener on a port, logged', listeners.length, 1);
    const report = await doctor(stage, installation, daemon.socket);
    for (const { check, status, found } of report.filter(({ status }) => status !== 'ok'))
      stage.say(`doctor: ${status} ${check}: ${found}`);
    // What is the host's own, such as an auditd that starts at boot, is not of this installation.
    const problems = report.filter(({ check, status }) => status === 'problem' && !check.startsWith('audit'));
    stage.check(
      'the doctor has no complaint about the installation',
      report.length > 0 && problems.length === 0,
      problems[0]?.check ?? `${report.length} checks`,
    );
    const own = daemon.complaints.filter(line => line.includes('osquery-audit-events'));
    stage.check('the extension has nothing to warn about', own.length === 0, own[0] ?? 'nothing');
    // What of the packs runs at all, runs once a minute.
    stage.checkSchedule(daemon, FIRST_RUN_MS);
  },
};

/** Binds a free port by its number. */
const listenOnce = async (): Promise<number> => {
  let port = 0;
  for (let i = 0; i < 2; i++) {
    const server = createServer().listen(port, '127.0.0.1');
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
    server.close();
    await once(server, 'close');
  }
  return port;
};

interface Finding {
  readonly check: string;
  readonly status: string;
  readonly found: string;
}

const doctor = async (
  stage: Stage,
  { flagfile }: Installation,
  socket: string,
): Promise<readonly Finding[]> =>
  new Promise((resolve, reject) => {
    const args = ['doctor', '--json', `--flagfile=${flagfile}`, '--socket', socket];
    execFile(stage.extension, args, { timeout: DOCTOR_MS }, (_error, stdout, stderr) => {
      try {
        resolve(JSON.parse(stdout));
      } catch {
        reject(new Error(`expected the doctor's report, got ${stdout}${stderr}`));
      }
    });
  });
