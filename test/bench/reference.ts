import { reference } from './figure.ts';

/**
 * Figures of native osqueryd 5.23 (built) and auditd 3.0.9 (Debian, enriched log) from the project's reference, measured
 * on a machine of the same kind: 2 shared cores, Linux 6.18. They stand where the peer is not installed to be measured.
 */
export const references = {
  burstRows: [reference('osqueryd', '3,754'), reference('auditd', '34,067')],
  sustainedRows: [reference('osqueryd', '2,475'), reference('auditd', '100,000')],
  connectCpu: [reference('osqueryd', '39'), reference('auditd', '28–33')],
  execCpu: [reference('osqueryd', '90')],
  visible: [reference('osqueryd', '200–1,200')],
  selectRow: [reference('osqueryd', '4.7 (in process)')],
  idleMemory: [reference('osqueryd', '50')],
  bufferedMemory: [reference('osqueryd', '67')],
  burstMemory: [reference('osqueryd', '228')],
} as const;
