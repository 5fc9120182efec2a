import { constants } from 'node:os';
import { createNetlink } from 'netlink';
import {
  AUDIT_ADD_RULE,
  AUDIT_DEL_RULE,
  AUDIT_GET,
  AUDIT_LIST_RULES,
  AUDIT_MAKE_EQUIV,
  AUDIT_SET,
  NETLINK_AUDIT,
  NLM_F_ACK,
  NLM_F_REQUEST,
  NLMSG_ERROR,
} from '../constants.ts';
import { AuditError, errnoName } from '../errors.ts';
import { type AuditRule, encodeRule } from './rules.ts';
import { type AuditStatus, type AuditStatusChange, encodeStatusChange, parseAuditStatus } from './status.ts';
import { encodeEquivalence } from './watch-tree.ts';

const { EEXIST, ENOENT } = constants.errno;

/** Milliseconds for the kernel's answer. It answers at once or not at all. */
const REPLY_TIMEOUT = 3_000;

/** Status and rules of kernel audit. The event stream has a separate socket. */
export interface AuditControl {
  getStatus(): Promise<AuditStatus>;
  setStatus(change: AuditStatusChange): Promise<void>;
  /** Resolves to false if the rule existed already. */
  addRule(rule: AuditRule): Promise<boolean>;
  /** Adds a rule again in the form that `listRules` returned. */
  addListedRule(rule: Uint8Array): Promise<boolean>;
  /** Takes what `listRules` returned. Resolves to false if the rule was gone already. */
  deleteRule(rule: Uint8Array): Promise<boolean>;
  /**
   * Makes the rules that watch a directory watch another directory too, with everything that is below it now. May be called any
   * number of times.
   */
  makeEquivalent(directory: string, other: string): Promise<void>;
  /** struct audit_rule_data of each rule. */
  listRules(): Promise<readonly Uint8Array[]>;
  close(): void;
}

/** What ends an exchange, besides an error: the acknowledgement, the one reply, or a whole listing. */
type Ending = 'acknowledgement' | 'reply' | 'listing';

type Netlink = ReturnType<typeof createNetlink>;
type NetlinkMessage = { readonly type: number; readonly seq: number; readonly data: Uint8Array };

interface Request {
  /** For messages: "reading the audit status". */
  readonly operation: string;
  readonly type: number;
  readonly payload: Uint8Array;
  readonly ending: Ending;
}

interface Exchange {
  readonly sequence: number;
  readonly operation: string;
  readonly ending: Ending;
  readonly finish: (outcome: Error | readonly Uint8Array[]) => void;
}

const NOTHING = new Uint8Array(0);

/**
 * Opens the control socket.
 *
 * @throws AuditError `no-audit` if the kernel has no audit or denies it to this namespace.
 */
export const openAuditControl = (): AuditControl => {
  const socket = new ControlSocket(open());
  const acknowledged = async (operation: string, type: number, payload: Uint8Array): Promise<void> => {
    await socket.request({ operation, type, payload, ending: 'acknowledgement' });
  };
  return {
    async getStatus() {
      const [status] = await socket.request({
        operation: 'reading the audit status',
        type: AUDIT_GET,
        payload: NOTHING,
        ending: 'reply',
      });
      return parseAuditStatus(status ?? NOTHING);
    },
    setStatus: change =>
      acknowledged(`setting audit ${describe(change)}`, AUDIT_SET, encodeStatusChange(change)),
    addRule: rule => unless(EEXIST, acknowledged('adding an audit rule', AUDIT_ADD_RULE, encodeRule(rule))),
    addListedRule: rule => unless(EEXIST, acknowledged('putting back an audit rule', AUDIT_ADD_RULE, rule)),
    deleteRule: rule => unless(ENOENT, acknowledged('deleting an audit rule', AUDIT_DEL_RULE, rule)),
    makeEquivalent: (directory, other) =>
      acknowledged(`watching ${other}`, AUDIT_MAKE_EQUIV, encodeEquivalence(directory, other)),
    listRules: () =>
      socket.request({
        operation: 'listing audit rules',
        type: AUDIT_LIST_RULES,
        payload: NOTHING,
        ending: 'listing',
      }),
    close: () => socket.close(),
  };
};

/**
 * Sends requests to the kernel one at a time: the netlink package loses a listing if another reply arrives in its
 * middle.
 */
class ControlSocket {
  readonly #socket: Netlink;
  #exchange: Exchange | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #failure: Error | undefined;

  constructor(socket: Netlink) {
    this.#socket = socket;
    // The package ends the process if one of its callbacks throws, or if 'error' has no listener.
    socket.on('error', error => this.#fail(error));
    socket.on('invalid', error =>
      this.#fail(new Error(`netlink: unreadable reply from the kernel: ${error}`)),
    );
    socket.on('message', (messages, sender) => {
      if (sender.port === 0) this.#receive(messages);
    });
  }

  request(request: Request): Promise<readonly Uint8Array[]> {
    const result = this.#last.then(() => this.#send(request));
    this.#last = result.catch(() => undefined);
    return result;
  }

  close(): void {
    this.#socket.close();
  }

  #fail(error: Error): void {
    this.#failure = error;
    this.#exchange?.finish(error);
  }

  /** A listing comes as one array without its DONE message; it is empty if there is nothing to list. */
  #receive(messages: readonly NetlinkMessage[]): void {
    const exchange = this.#exchange;
    if (exchange === undefined) return;
    const [first] = messages;
    if (first !== undefined && first.seq !== exchange.sequence) return;
    if (first?.type === NLMSG_ERROR) {
      const { buffer, byteOffset, byteLength } = first.data;
      if (byteLength < 4) return;
      const code = new DataView(buffer, byteOffset, byteLength).getInt32(0, true);
      exchange.finish(code === 0 ? [] : kernelError(exchange.operation, -code));
    } else if (first === undefined ? exchange.ending === 'listing' : exchange.ending !== 'acknowledgement') {
      exchange.finish(messages.map(message => Uint8Array.from(message.data)));
    }
  }

  #send({ operation, type, payload, ending }: Request): Promise<readonly Uint8Array[]> {
    const socket = this.#socket;
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure);
      const sequence = socket.generateSeq();
      const finish: Exchange['finish'] = outcome => {
        clearTimeout(timer);
        this.#exchange = undefined;
        socket.unref();
        outcome instanceof Error ? reject(outcome) : resolve(outcome);
      };
      const timer = setTimeout(() => {
        const why = `${operation}: the kernel did not answer within ${REPLY_TIMEOUT} ms`;
        finish(new AuditError('no-reply', why));
      }, REPLY_TIMEOUT);
      this.#exchange = { sequence, operation, ending, finish };
      socket.ref();
      const flags = NLM_F_REQUEST | (ending === 'acknowledgement' ? NLM_F_ACK : 0);
      socket.send(type, payload, { flags, seq: sequence }, error => {
        if (error) finish(kernelError(operation, Math.abs(error.errno)));
      });
    });
  }
}

const open = (): Netlink => {
  try {
    return createNetlink(NETLINK_AUDIT);
  } catch (error) {
    throw new AuditError(
      'no-audit',
      `this kernel offers no audit netlink socket (${(error as Error).message}): it was built without CONFIG_AUDIT, or this container may not use it; run this on the host`,
      { cause: error },
    );
  }
};

const describe = (change: AuditStatusChange): string =>
  Object.entries(change)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');

const unless = async (code: number, operation: Promise<void>): Promise<boolean> => {
  try {
    await operation;
    return true;
  } catch (error) {
    if (error instanceof AuditError && error.errno === code) return false;
    throw error;
  }
};

const kernelError = (operation: string, code: number): AuditError => {
  const name = errnoName(code);
  switch (name) {
    case 'EPERM':
    case 'EACCES':
      return new AuditError(
        'no-permission',
        `${operation}: not permitted (${name}): this needs CAP_AUDIT_CONTROL in the initial user and pid namespace; run as root on the host`,
        { errno: code },
      );
    case 'ECONNREFUSED':
    case 'EPROTONOSUPPORT':
      return new AuditError(
        'no-audit',
        `${operation}: this kernel does not answer audit requests here (${name}): booted with audit=off, built without audit, or inside a container; run on the host of a kernel with audit`,
        { errno: code },
      );
    case 'EEXIST':
      return new AuditError('owned', `${operation}: it exists already (${name})`, { errno: code });
    default:
      return new AuditError('refused', `${operation}: the kernel answered ${name}`, { errno: code });
  }
};
