import { describe, expect, it } from 'vitest';
import { checkAuditControl } from '../../src/openbsm/audit-control.ts';

/** The file of osquery's documentation. */
const DOCUMENTED = `#
# $P4: //depot/projects/trustedbsd/openbsm/etc/audit_control#8 $
#
dir:/var/audit
flags:ex,pc,ap,aa,lo,ad
minfree:5
naflags:no
policy:cnt,argv,arge
filesz:2M
expire-after:10M
superuser-set-sflags-mask:has_authenticated,has_console_access
superuser-clear-sflags-mask:has_authenticated,has_console_access
member-set-sflags-mask:
member-clear-sflags-mask:has_authenticated
`;
const withFlags = (flags: string): string => DOCUMENTED.replace(/^flags:.*$/m, `flags:${flags}`);
const withPolicy = (policy: string): string => DOCUMENTED.replace(/^policy:.*$/m, `policy:${policy}`);

const problems = (...args: Parameters<typeof checkAuditControl>): string[] =>
  checkAuditControl(...args).flatMap(line => (line.kind === 'problem' ? [line.text] : []));

describe('checkAuditControl', () => {
  it('is content with what osquery documents', () => {
    expect(checkAuditControl(DOCUMENTED).map(({ kind, text }) => [kind, text])).toEqual([
      ['ok', 'flags: ex (process_events: program executions)'],
      ['ok', 'flags: pc (process_events: posix_spawn, fork and exit, which name all parents)'],
      ['ok', 'flags: lo (user_events: logins and logouts)'],
      ['ok', 'flags: aa (user_events: authentication and authorization)'],
      ['ok', 'flags: ad (user_events: audit starting and stopping)'],
      ['ok', 'flags: ap (user_events: events that programs report themselves)'],
      ['ok', 'policy: cnt'],
      ['ok', 'policy: argv'],
      ['ok', 'policy: arge'],
    ]);
  });

  it('misses the class of sockets where they are wanted', () => {
    expect(problems(DOCUMENTED, { sockets: true })).toEqual([
      'flags: nt is missing (socket_events: connect, accept and bind)',
    ]);
    expect(problems(withFlags('ex,pc,ap,aa,lo,ad,nt'), { sockets: true })).toEqual([]);
  });

  it('names what the default file of macOS leaves out, with the fix', () => {
    const lines = checkAuditControl(
      'dir:/var/audit\nflags:lo,aa\nminfree:5\nnaflags:lo,aa\npolicy:cnt,argv\n',
    );
    expect(lines.filter(({ kind }) => kind === 'problem')).toEqual(
      [
        ['ex', 'process_events: program executions'],
        ['pc', 'process_events: posix_spawn, fork and exit, which name all parents'],
        ['ad', 'user_events: audit starting and stopping'],
        ['ap', 'user_events: events that programs report themselves'],
        ['arge', 'process_events: env'],
      ].map(([name, why]) => {
        const parameter = name === 'arge' ? 'policy' : 'flags';
        return {
          kind: 'problem',
          text: `${parameter}: ${name} is missing (${why})`,
          fix: `add ${name} to "${parameter}", then run "audit -s", or restart the system`,
        };
      }),
    );
  });

  it('says how to make a file that is not there', () => {
    expect(checkAuditControl(undefined)).toEqual([
      {
        kind: 'problem',
        text: '/etc/security/audit_control does not exist: nothing is audited',
        fix: expect.stringContaining('audit_control.example'),
      },
    ]);
  });

  it.each([
    ['all', []],
    ['all,^ex', ['flags: ex is missing (process_events: program executions)']],
    [
      'ex,pc,ap,aa,lo,ad,^-ex',
      ['flags: ex is audited without its failures (process_events: program executions)'],
    ],
    [
      '+ex,pc,ap,aa,lo,ad',
      ['flags: ex is audited without its failures (process_events: program executions)'],
    ],
    [
      '-ex,pc,ap,aa,lo,ad',
      ['flags: ex is audited without its successes (process_events: program executions)'],
    ],
    ['-ex,+ex,pc,ap,aa,lo,ad', []],
    [' ex , pc,ap,aa,lo,ad ', []],
    ['ex,pc,ap,aa,lo,ad,zz', ['flags: unknown class "zz"']],
  ])('reads the flags %s', (flags, expected) => {
    expect(problems(withFlags(flags))).toEqual(expected);
  });

  it.each([
    ['cnt,argv,arge,ahlt', ['policy: ahlt halts the system when an event cannot be recorded']],
    ['cnt,argv,arge,verbose', ['policy: unknown flag "verbose"']],
    ['argv,arge', ['policy: cnt is missing (without it processes stop when audit runs out of space)']],
  ])('reads the policy %s', (policy, expected) => {
    expect(problems(withPolicy(policy))).toEqual(expected);
  });

  it('misses lines, and shows those it cannot read by their number', () => {
    expect(problems('# nothing\n\nflags ex\r\nfalgs:ex\n')).toEqual([
      '/etc/security/audit_control line 3: no "parameter:value"',
      '/etc/security/audit_control line 4: unknown parameter "falgs"',
      'no "flags" line in /etc/security/audit_control: no class is audited',
      'no "policy" line in /etc/security/audit_control: no arguments are recorded',
    ]);
  });

  it('has a fix for every problem', () => {
    for (const text of [undefined, '', 'x', withFlags('zz'), withPolicy('zz,ahlt')]) {
      for (const line of checkAuditControl(text)) if (line.kind === 'problem') expect(line.fix).not.toBe('');
    }
  });
});
