import { setTimeout as sleep } from 'node:timers/promises';
import type { LiveShell } from './live-shell.ts';

/** Milliseconds for the extension to load its BPF programs, after it has registered. */
const LOAD_MS = 60_000;

/** Waits until BPF programs tell about processes and sockets, or it is known that they do not. */
export const programsLoaded = async (shell: LiveShell): Promise<void> => {
  const deadline = performance.now() + LOAD_MS;
  for (;;) {
    const [status] = await shell.query('SELECT bpf, bpf_processes FROM audit_status');
    if (!/not loaded yet/.test(`${status!.bpf} ${status!.bpf_processes}`)) return;
    if (performance.now() > deadline) throw new Error(`no BPF programs after ${LOAD_MS} ms`);
    await sleep(100);
  }
};
