import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type AuditControl, openAuditControl } from '../../../src/audit/control/control.ts';
import { type AuditRule, encodeRule, RULE_KEY } from '../../../src/audit/control/rules.ts';

const AUDIT_GET = 1000;
const AUDIT_SET = 1001;
const AUDIT_ADD_RULE = 1011;
const AUDIT_DEL_RULE = 1012;
const AUDIT_LIST_RULES = 1013;
const NLMSG_ERROR = 2;
const NLM_F_REQUEST = 1;
const NLM_F_ACK = 4;

interface Message {
  readonly type: number;
  readonly seq: number;
  readonly data: Buffer;
}
interface Request {
  readonly type: number;
  readonly payload: Uint8Array;
  readonly flags: number;
  readonly seq: number;
}

/** A netlink socket as the package gives it out; the test is the kernel behind it. */
class FakeSocket extends EventEmitter {
  readonly requests: Request[] = [];
  sendError: (Error & { errno: number }) | undefined;
  referenced = false;
  closed = false;
  #sequence = 100;

  generateSeq(): number {
    return this.#sequence++;
  }
  send(
    type: number,
    payload: Uint8Array,
    { flags, seq }: { flags: number; seq: number },
    callback: (error?: Error) => void,
  ): void {
    this.requests.push({ type, payload, flags, seq });
    callback(this.sendError);
  }
  ref(): void {
    this.referenced = true;
  }
  unref(): void {
    this.referenced = false;
  }
  close(): void {
    this.closed = true;
  }

  get last(): Request {
    return this.requests.at(-1)!;
  }
  reply(messages: readonly Partial<Message>[], port = 0): void {
    const whole = messages.map(message => ({
      type: 0,
      seq: this.last.seq,
      data: Buffer.alloc(0),
      ...message,
    }));
    this.emit('message', whole, { port, groups: 0 });
  }
  acknowledge(errno = 0): void {
    const data = Buffer.alloc(20);
    data.writeInt32LE(-errno);
    this.reply([{ type: NLMSG_ERROR, data }]);
  }
}

const { create } = vi.hoisted(() => ({ create: vi.fn() }));
vi.mock('netlink', () => ({ createNetlink: create }));

let socket: FakeSocket;
let control: AuditControl;
beforeEach(() => {
  vi.useFakeTimers();
  socket = new FakeSocket();
  create.mockReset().mockReturnValue(socket);
  control = openAuditControl();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Lets a request reach the socket. */
const sent = async (): Promise<void> => {
  await vi.advanceTimersByTimeAsync(0);
};
const RULE: AuditRule = { action: 'always', prepend: false, syscalls: [59], fields: [], key: RULE_KEY };
const STATUS = Buffer.alloc(44);
STATUS.writeUInt32LE(1, 4);
STATUS.writeUInt32LE(4242, 12);

describe('openAuditControl', () => {
  it('opens the audit protocol', () => expect(create).toHaveBeenCalledWith(9));

  it('says what it means that there is none', () => {
    create.mockImplementation(() => {
      throw new Error('socket: EPROTONOSUPPORT');
    });
    let error: unknown;
    try {
      openAuditControl();
    } catch (caught) {
      error = caught;
    }
    expect(error).toMatchObject({
      code: 'no-audit',
      message: expect.stringMatching(/EPROTONOSUPPORT.*CONFIG_AUDIT.*run this on the host/),
    });
  });
});

describe('AuditControl', () => {
  it('reads the status', async () => {
    const status = control.getStatus();
    await sent();
    expect(socket.last).toMatchObject({ type: AUDIT_GET, flags: NLM_F_REQUEST });
    expect(socket.referenced).toBe(true);
    socket.reply([{ type: AUDIT_GET, data: STATUS }]);
    expect(await status).toMatchObject({ enabled: 1, pid: 4242 });
    expect(socket.referenced).toBe(false);
  });

  it('takes the acknowledgement, not an event, for the end of a change', async () => {
    const changed = control.setStatus({ backlogLimit: 8192 });
    await sent();
    expect(socket.last).toMatchObject({ type: AUDIT_SET, flags: NLM_F_REQUEST | NLM_F_ACK });
    expect(Buffer.from(socket.last.payload).readUInt32LE(20)).toBe(8192);
    let done = false;
    void changed.then(() => {
      done = true;
    });
    socket.reply([{ type: 1305, data: Buffer.from('audit(1.1:1): x') }]);
    await sent();
    expect(done).toBe(false);
    socket.acknowledge();
    await changed;
  });

  it('lists rules, also when there are none', async () => {
    const rules = [encodeRule(RULE), encodeRule({ ...RULE, key: 'other' })];
    const listed = control.listRules();
    await sent();
    expect(socket.last.type).toBe(AUDIT_LIST_RULES);
    socket.reply(rules.map(rule => ({ type: AUDIT_LIST_RULES, data: Buffer.from(rule) })));
    expect((await listed).map(rule => Buffer.from(rule))).toEqual(rules.map(rule => Buffer.from(rule)));

    const none = control.listRules();
    await sent();
    socket.emit('message', [], { port: 0, groups: 0 });
    expect(await none).toEqual([]);
  });

  it.each([
    ['addRule', AUDIT_ADD_RULE, 17],
    ['addListedRule', AUDIT_ADD_RULE, 17],
    ['deleteRule', AUDIT_DEL_RULE, 2],
  ] as const)('%s tells a change from none', async (name, type, errno) => {
    const bytes = encodeRule(RULE);
    const run = (): Promise<boolean> => (name === 'addRule' ? control.addRule(RULE) : control[name](bytes));
    const changed = run();
    await sent();
    expect(socket.last.type).toBe(type);
    expect(Buffer.from(socket.last.payload)).toEqual(Buffer.from(bytes));
    socket.acknowledge();
    expect(await changed).toBe(true);

    const unchanged = run();
    await sent();
    socket.acknowledge(errno);
    expect(await unchanged).toBe(false);

    const refused = run().catch(error => error);
    await sent();
    socket.acknowledge(22);
    expect(await refused).toMatchObject({ code: 'refused', errno: 22 });
  });

  it('sends one request at a time, in order, and goes on after a failure', async () => {
    const first = control.setStatus({ enabled: 1 }).catch(error => error);
    const second = control.getStatus();
    await sent();
    expect(socket.requests).toHaveLength(1);
    socket.acknowledge(1);
    expect(await first).toMatchObject({ code: 'no-permission', errno: 1 });
    await sent();
    expect(socket.requests).toHaveLength(2);
    socket.reply([{ type: AUDIT_GET, data: STATUS }]);
    expect((await second).pid).toBe(4242);
  });

  it('takes no answer from another process, or to another request', async () => {
    const status = control.getStatus();
    await sent();
    const forged = Buffer.from(STATUS);
    forged.writeUInt32LE(666, 12);
    socket.reply([{ type: AUDIT_GET, data: forged }], 1234);
    socket.reply([{ type: AUDIT_GET, data: forged, seq: 1 }]);
    socket.reply([{ type: AUDIT_GET, data: STATUS }]);
    expect((await status).pid).toBe(4242);
  });

  it('does not wait for ever', async () => {
    const status = control.getStatus().catch(error => error);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(await status).toMatchObject({
      code: 'no-reply',
      message: 'reading the audit status: the kernel did not answer within 3000 ms',
    });
    // What comes late answers nothing.
    const listed = control.listRules();
    await sent();
    socket.reply([{ type: AUDIT_GET, data: STATUS, seq: 100 }]);
    socket.reply([{ type: AUDIT_LIST_RULES, data: Buffer.from('rule') }]);
    expect(await listed).toHaveLength(1);
  });

  it.each([
    [1, 'no-permission', /EPERM.*CAP_AUDIT_CONTROL/],
    [13, 'no-permission', /EACCES/],
    [111, 'no-audit', /ECONNREFUSED.*audit=off/],
    [17, 'owned', /EEXIST/],
    [22, 'refused', /EINVAL/],
    [524, 'refused', /errno 524/],
  ])('says what errno %i means', async (errno, code, message) => {
    const changed = control.setStatus({ enabled: 1 }).catch(error => error);
    await sent();
    socket.acknowledge(errno);
    const error = await changed;
    expect(error).toMatchObject({ code, errno });
    expect(error.message).toMatch(/^setting audit enabled=1: /);
    expect(error.message).toMatch(message);
  });

  it('says that a request could not be sent', async () => {
    socket.sendError = Object.assign(new Error('sendmsg'), { errno: -1 });
    await expect(control.getStatus()).rejects.toMatchObject({ code: 'no-permission', errno: 1 });
  });

  it('fails, and ends no process, when the socket does', async () => {
    const status = control.getStatus().catch(error => error);
    await sent();
    socket.emit('error', new Error('recvmsg: ENOBUFS'));
    expect((await status).message).toBe('recvmsg: ENOBUFS');
    await expect(control.listRules()).rejects.toThrow('recvmsg: ENOBUFS');
    expect(socket.requests).toHaveLength(1);
  });

  it('passes over an answer that is cut short: an exception here would end the process', async () => {
    const changed = control.setStatus({ enabled: 1 });
    await sent();
    socket.reply([{ type: NLMSG_ERROR, data: Buffer.alloc(2, 0xff) }]);
    socket.acknowledge();
    await changed;
  });

  it('closes its socket', () => {
    control.close();
    expect(socket.closed).toBe(true);
  });
});
