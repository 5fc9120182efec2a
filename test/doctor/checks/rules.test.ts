import { expect, test } from 'vitest';
import { checkOwnRules } from '../../../src/doctor/checks/own-rules.ts';
import { checkSuppressingRules } from '../../../src/doctor/checks/suppressing-rules.ts';
import type { Facts } from '../../../src/doctor/facts.ts';
import { auditFacts, bare, coreWith, healthy, listedRule, ownRules, RULE_KEY, troubles } from '../facts.ts';

const TASK = 1;
const EXIT = 4;
const EXCLUDE = 5;
const PREPEND = 0x10;
const NEVER = 0;
const ALWAYS = 2;
const EQUAL = 0x40000000;
const LESS = 0x10000000;
const GREATER = 0x20000000;
const MSGTYPE = 12;
const AUID = 9;

const withRules = (...rules: readonly Uint8Array[]): Facts => ({ ...healthy, audit: auditFacts({}, rules) });
const suppressed = (...rules: readonly Uint8Array[]) => troubles(checkSuppressingRules(withRules(...rules)));

test.each([
  ['-a never,task', { list: TASK, action: NEVER }],
  ['-A never,task', { list: TASK | PREPEND, action: NEVER }],
  ['-a never,task -k off', { list: TASK, action: NEVER, key: 'off' }],
] as const)('%s is a problem', (_, rule) => {
  expect(suppressed(...ownRules(), listedRule(rule))).toMatchObject([
    { check: 'never,task rules', status: 'problem', fix: expect.stringContaining('auditctl -d never,task') },
  ]);
});

test('-a never,task with a condition is pointed out', () => {
  expect(suppressed(listedRule({ list: TASK, action: NEVER, fields: [[AUID, EQUAL, 1000]] }))).toMatchObject([
    { check: 'never,task rules', status: 'unknown' },
  ]);
});

test.each([
  ['-a always,task', { list: TASK, action: ALWAYS }],
  ['-a never,exit', { list: EXIT, action: NEVER, syscalls: [59] }],
  [
    '-a always,exclude of a type we do not need',
    { list: EXCLUDE, action: ALWAYS, fields: [[MSGTYPE, EQUAL, 1400]] },
  ],
  [
    'an exclude rule with another condition',
    {
      list: EXCLUDE,
      action: ALWAYS,
      fields: [
        [MSGTYPE, EQUAL, 1309],
        [AUID, EQUAL, 7],
      ],
    },
  ],
] as const)('%s is in order', (_, rule) => {
  expect(suppressed(...ownRules(), listedRule(rule))).toEqual([]);
});

test.each([
  ['CWD', [[MSGTYPE, EQUAL, 1307]], 'CWD'],
  [
    'everything but SYSCALL',
    [[MSGTYPE, LESS | GREATER, 1300]],
    'EXECVE, PATH, CWD, SOCKADDR, EOE, USER_AUTH, USER_LOGIN',
  ],
  [
    'user messages',
    [
      [MSGTYPE, GREATER | EQUAL, 1100],
      [MSGTYPE, LESS | EQUAL, 1199],
    ],
    'USER_AUTH, USER_LOGIN',
  ],
  ['below 1110', [[MSGTYPE, LESS, 1110]], 'USER_AUTH'],
  ['above 1310', [[MSGTYPE, GREATER, 1310]], 'EOE'],
] as const)('records that are dropped: %s', (_, fields, types) => {
  expect(suppressed(listedRule({ list: EXCLUDE, action: ALWAYS, fields }))).toMatchObject([
    {
      check: 'exclude rules',
      status: 'problem',
      found: `records of type ${types} are dropped by rules of the exclude list`,
    },
  ]);
});

test('bytes that are no rule are passed over', () => {
  expect(suppressed(new Uint8Array(12))).toEqual([]);
});

test('our rules are in place while the extension runs', () => {
  expect(checkOwnRules(healthy)).toMatchObject([{ check: 'our rules', status: 'ok' }]);
});

test('our rules are gone', () => {
  expect(checkOwnRules(withRules())).toMatchObject([
    {
      status: 'problem',
      found: expect.stringContaining('no rule'),
      fix: expect.stringContaining('another program has removed them'),
    },
  ]);
  expect(checkOwnRules({ ...withRules(), core: coreWith({ audit_allow_config: 'false' }) })).toMatchObject([
    { status: 'problem', fix: expect.stringContaining('--audit_allow_config=true') },
  ]);
});

test('rules of others do not count', () => {
  const [rule] = ownRules().slice(1);
  const foreign = Uint8Array.from(rule!);
  foreign.set(Buffer.from('X'), foreign.length - RULE_KEY.length);
  expect(checkOwnRules(withRules(foreign))).toMatchObject([
    { status: 'problem', found: expect.stringContaining('no rule') },
  ]);
});

test('the rules of one table are missing', () => {
  expect(checkOwnRules(withRules(...ownRules({ sockets: false })))).toMatchObject([
    { status: 'problem', found: expect.stringContaining('none for connect, bind') },
  ]);
  const facts = {
    ...withRules(...ownRules({ sockets: false })),
    core: coreWith({ audit_allow_sockets: 'false' }),
  };
  expect(troubles(checkOwnRules(facts))).toEqual([]);
});

test('rules that a killed extension left', () => {
  expect(checkOwnRules(bare)).toMatchObject([{ status: 'ok' }]);
  expect(checkOwnRules({ ...bare, audit: auditFacts({ pid: 0 }) })).toMatchObject([
    { status: 'problem', fix: expect.stringContaining('doctor --repair') },
  ]);
  expect(checkOwnRules({ ...bare, audit: auditFacts({ pid: 0, enabled: 2 }) })).toMatchObject([
    { status: 'ok' },
  ]);
});

test('whether the extension runs cannot be seen', () => {
  const processes = { names: new Map(), ofUsers: new Set<number>(), complete: false };
  expect(checkOwnRules({ ...bare, processes })).toMatchObject([{ status: 'unknown' }]);
});

test('nothing is said about rules that cannot be read', () => {
  const audit = { kind: 'unreadable', why: 'no' } as const;
  expect([...checkOwnRules({ ...healthy, audit }), ...checkSuppressingRules({ audit })]).toEqual([]);
});
