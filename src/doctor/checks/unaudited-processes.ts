import { socketUsersText } from '../../model/sockets/socket-users.ts';
import { howToAuditFromBoot } from '../boot-parameter.ts';
import { type CheckResult, ok, problem, unknown } from '../check-result.ts';
import type { Facts } from '../facts.ts';

const CHECK = 'unaudited processes';
/** How audit_status begins to say that there are no BPF programs. */
const OFF = 'off';
/** How it says that BPF programs see every connect, accept and bind. */
const EVERY_CALL = 'fexit';
/** Most programs that are named. */
const MOST_USERS = 5;

/** Whether there are processes that audit cannot see, who of them uses the network, and whether BPF sees them. */
export const checkUnauditedProcesses = (
  facts: Pick<Facts, 'host' | 'system' | 'unaudited' | 'core'>,
): readonly CheckResult[] => {
  const { host, system, unaudited } = facts;
  if (host.platform !== 'linux' || !host.kernelHasAudit) return [];
  const fix = howToAuditFromBoot(system);
  if (unaudited.kind === 'unknown') {
    return [
      system.auditsFromBoot
        ? ok(CHECK, 'the kernel was started with audit=1, so audit sees every process')
        : unknown(
            CHECK,
            `audit does not see processes that are older than its first use since boot; how many there are is not known, because ${unaudited.why}`,
            host.isRoot ? `to have none, ${fix}` : 'run the doctor as root',
          ),
    ];
  }
  if (unaudited.processes === 0) return [ok(CHECK, 'audit sees every running process')];
  return [judge(facts, unaudited, fix)];
};

const judge = (
  { core, system }: Pick<Facts, 'core' | 'system'>,
  unaudited: Extract<Facts['unaudited'], { kind: 'known' }>,
  fix: string,
): CheckResult => {
  const found = `${countText(unaudited.processes, system.auditsFromBoot)}${usersText(unaudited)}`;
  const bpf = core.kind === 'running' ? core.bpf : undefined;
  if (bpf?.startsWith(OFF) === false) {
    const connections = bpf === EVERY_CALL ? 'connections' : 'TCP connections';
    return ok(CHECK, `${found}; BPF tells of their execs and ${connections}`);
  }
  const way = system.auditsFromBoot
    ? 'remove rules "-a never,task" and restart these programs'
    : `restart these programs; or, to have none after each boot, ${fix}`;
  return bpf === undefined
    ? unknown(
        CHECK,
        `${found}; whether the extension sees them by BPF is not known: it is not running, or does not answer`,
        way,
      )
    : problem(CHECK, `${found}; BPF does not see them either${bpf.slice(OFF.length)}`, way);
};

const countText = (processes: number, auditsFromBoot: boolean): string => {
  const [who, are, them] =
    processes === 1 ? ['1 running process', 'is', 'it'] : [`${processes} running processes`, 'are', 'them'];
  // Older processes are the usual cause; the other one is a rule that excludes new processes.
  return auditsFromBoot
    ? `audit does not see ${who}, which a rule prevented from being audited`
    : `${who} ${are} older than the first use of audit since boot, and audit does not see ${them}`;
};

const usersText = ({ users }: Extract<Facts['unaudited'], { kind: 'known' }>): string => {
  const text = socketUsersText(users, MOST_USERS);
  return text === '' ? '; none of them has a TCP or UDP socket' : `; their TCP and UDP sockets: ${text}`;
};
