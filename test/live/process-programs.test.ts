import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { unless } from '../unless.ts';
import { LiveShell } from './live-shell.ts';
import { IMAGE, makeImage, removeImage, run, whyNotContainers } from './podman.ts';
import { programsLoaded } from './programs-loaded.ts';

/** What is looked up is awaited on a busy machine, too. */
const PATIENT = '--custom_audit_telemetry_budget_ms=10000';
const EXECS = 1_000;
const CONTAINERS = 10;

const COLUMNS = [
  'process_command_line',
  'process_start_timestamp',
  'parent_process_pid',
  'parent_process_timestamp',
  'parent_process_path',
  'parent_process_command_line',
  'ancestors',
  'container_id',
];

describe('what BPF programs tell about processes', unless(whyNotContainers), () => {
  let shell: LiveShell;
  beforeAll(async () => {
    makeImage();
    shell = await LiveShell.start(PATIENT, '--events_max=100000');
    await programsLoaded(shell);
  });
  afterAll(async () => {
    await shell?.[Symbol.asyncDispose]();
    removeImage();
  });

  const rowsOf = (mark: string) =>
    shell.query(
      `SELECT ${COLUMNS.join(', ')} FROM process_telemetry_events WHERE process_command_line LIKE '/bin/true ${mark} %' ORDER BY eid`,
    );

  test('they are used, and what audit cannot see is counted', async () => {
    const [status] = await shell.query(
      'SELECT bpf_processes, unaudited_processes, process_connector_overruns FROM audit_status',
    );
    expect(status).toMatchObject({ bpf_processes: 'tracepoints', process_connector_overruns: '0' });
    expect(Number(status!.unaudited_processes)).toBeGreaterThanOrEqual(0);
    expect(shell.stderr).not.toContain('BPF');
  });

  test('programs that end at once in a container have parents, start times and the container', async () => {
    const mark = `one-container-${process.pid}`;
    const name = `audit-events-${mark}`;
    const loop = `i=0; while [ $i -lt ${EXECS} ]; do /bin/true ${mark} $i; i=$((i+1)); done`;
    execFileSync('podman', run('--name', name, IMAGE, '/bin/sh', '-c', loop));
    const rows = await rowsOf(mark);
    expect(rows).toHaveLength(EXECS);
    const [first] = rows;
    expect(first!.container_id).toMatch(/^[0-9a-f]{64}$/);
    for (const row of rows) {
      for (const column of COLUMNS)
        expect(row[column], `${column} of ${row.process_command_line}`).not.toBe('');
      expect(row).toMatchObject({
        parent_process_pid: first!.parent_process_pid,
        parent_process_path: '/bin/busybox',
        container_id: first!.container_id,
      });
    }
  });

  test('so has a container’s first program, whose parent is on the host', async () => {
    const mark = `first-${process.pid}`;
    for (let i = 0; i < CONTAINERS; i++) execFileSync('podman', run(IMAGE, '/bin/true', mark, String(i)));
    const rows = await rowsOf(mark);
    expect(rows).toHaveLength(CONTAINERS);
    expect(new Set(rows.map(({ container_id }) => container_id)).size).toBe(CONTAINERS);
    for (const row of rows) {
      expect(row.container_id).toMatch(/^[0-9a-f]{64}$/);
      expect(row.parent_process_pid).not.toBe('');
      expect(row.process_start_timestamp).not.toBe('');
    }
  });
});
