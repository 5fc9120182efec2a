import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { auditFlags, eventFlags } from '../../src/flags/audit-flags.ts';
import { coreFlags } from '../../src/flags/core-flags.ts';
import { customOptions } from '../../src/flags/custom-options.ts';
import type { FlagDefinition } from '../../src/flags/flag-definition.ts';
import { flagTable } from '../../src/flags/flag-definition.ts';
import { FlagError } from '../../src/flags/flag-error.ts';
import { MAX_FLAGFILE_BYTES, MAX_FLAGFILE_DEPTH, MAX_FLAGFILES } from '../../src/flags/flagfile.ts';
import { parseFlags } from '../../src/flags/parse-flags.ts';
import { stockFlags } from '../../src/flags/stock-flags.ts';

const replay: FlagDefinition = {
  name: 'replay',
  type: 'string',
  defaultValue: '',
  group: 'command',
  help: '',
  repeatable: true,
};
const flags = flagTable(auditFlags, eventFlags, coreFlags, customOptions, stockFlags, [replay]);

const parse = (args: readonly string[], files: Readonly<Record<string, string>> = {}) =>
  parseFlags(args, {
    flags,
    readFlagfile: path => {
      const content = files[path];
      if (content === undefined) throw Object.assign(new Error('ENOENT'), { code: 'ENOENT' });
      return new TextEncoder().encode(content);
    },
  });

const refusal = (args: readonly string[], files?: Readonly<Record<string, string>>): FlagError => {
  try {
    parse(args, files);
  } catch (error) {
    if (error instanceof FlagError) return error;
    throw error;
  }
  throw new Error(`${args.join(' ')} was accepted`);
};

const values = (args: readonly string[], files?: Readonly<Record<string, string>>) =>
  Object.fromEntries(parse(args, files).values);

describe('syntax', () => {
  test.each([
    [['--audit_debug'], { audit_debug: 'true' }],
    [['-audit_debug'], { audit_debug: 'true' }],
    [['--noaudit_debug'], { audit_debug: 'false' }],
    [['-noaudit_debug'], { audit_debug: 'false' }],
    [['--audit_debug=YES'], { audit_debug: 'true' }],
    [['--audit_debug=f'], { audit_debug: 'false' }],
    [['--audit-allow-sockets'], { audit_allow_sockets: 'true' }],
    [['--events_max=10'], { events_max: '10' }],
    [['--events_max', '10'], { events_max: '10' }],
    [['-events_max', ' 0x10 '], { events_max: '16' }],
    [['--events_max=1', '--events_max=2'], { events_max: '2' }],
    [['--watchdog_level', '-1'], { watchdog_level: '-1' }],
    [['--disable_tables=a,b=c'], { disable_tables: 'a,b=c' }],
    [['--disable_tables='], { disable_tables: '' }],
    [['--disable_tables', '--audit_debug'], { disable_tables: '--audit_debug' }],
    [['--db_path=/x'], { database_path: '/x' }],
  ])('%j', (args, expected) => {
    expect(values(args)).toEqual(expected);
  });

  test('other arguments may stand anywhere, and flags end at "--"', () => {
    const parsed = parse(['SELECT 1', '--audit_debug', '-', '--', '--events_max=2', 'x']);
    expect(parsed.positionals).toEqual(['SELECT 1', '-', '--events_max=2', 'x']);
    expect([...parsed.values]).toEqual([['audit_debug', 'true']]);
  });

  test('repeatable flags keep every value in order', () => {
    expect(parse(['--replay', 'a', '--replay=b']).lists.get('replay')).toEqual(['a', 'b']);
  });

  test("the command line of osquery's guide, as published and with the separator that copies of it carry", () => {
    const expected = {
      audit_allow_config: 'true',
      audit_allow_sockets: 'true',
      audit_persist: 'true',
      disable_audit: 'false',
      events_expiry: '1',
      events_max: '50000',
      logger_plugin: 'filesystem',
      disable_events: 'false',
    };
    for (const tail of ['', '\u2028', '\u00e2\u20ac\u00a8', '\u201a\u00c4\u00ae']) {
      const line =
        '--audit_allow_config=true --audit_allow_sockets=true --audit_persist=true ' +
        `--disable_audit=false${tail} --events_expiry=1 --events_max=50000 --logger_plugin=filesystem  --disable_events=false`;
      expect(values(line.split(/ +/))).toEqual(expected);
    }
  });
});

describe('refusals are one line that says what to do', () => {
  test.each<[readonly string[], FlagError['code'], string]>([
    [['--audit_alow_sockets'], 'unknown-flag', 'did you mean --audit_allow_sockets?'],
    [['--noaudit_debgu'], 'unknown-flag', 'did you mean --noaudit_debug?'],
    [['--zzzzzzzzzz=1'], 'unknown-flag', 'unknown flag --zzzzzzzzzz; --help lists the flags'],
    [
      ['--events_max=abc'],
      'bad-value',
      '--events_max: expected a whole number from 0 to 18446744073709551615, got "abc"',
    ],
    [['--events_max=18446744073709551616'], 'bad-value', 'got "18446744073709551616"'],
    [['--events_max=-1'], 'bad-value', 'got "-1"'],
    [['--events_max='], 'bad-value', 'got ""'],
    [['--events_max=1e3'], 'bad-value', 'got "1e3"'],
    [['--audit_backlog_limit=2147483648'], 'bad-value', 'from 0 to 2147483647'],
    [['--audit_debug=maybe'], 'bad-value', '--audit_debug: expected true or false, got "maybe"'],
    [['--audit_debug', 'false'], 'bad-value', 'write --audit_debug=false'],
    [['--noaudit_debug=true'], 'bad-value', 'write --audit_debug=true or --audit_debug=false'],
    [['--noevents_max'], 'bad-value', '--events_max is not a boolean'],
    [['--custom_audit_mode=tap'], 'bad-value', 'expected auto, unicast or multicast, got "tap"'],
    [['--events_max'], 'missing-value', 'write --events_max=VALUE'],
    [['--flagfile'], 'missing-value', "expected a file's name"],
    [['--flagfile=none'], 'flagfile', 'flagfile "none" cannot be read: no such file'],
    [['--'.concat('x'.repeat(5000))], 'unknown-flag', '…'],
    [['--a\u001b[31m\nb'], 'unknown-flag', '\\u{1b}[31m\\u{a}b'],
  ])('%j', (args, code, message) => {
    const error = refusal(args);
    expect(error.code).toBe(code);
    expect(error.message).toContain(message);
    expect(error.message).not.toMatch(/[\n\r\u001b]/);
    expect(error.message.length).toBeLessThan(300);
  });
});

describe('flagfiles', () => {
  test('comments, blank lines, every line end, a byte order mark, nesting in place', () => {
    const files = {
      a: '\ufeff# comment\r\n\r\n  --events_max=1  \r\n--flagfile=b\n--audit_debug\r--noevents_optimize',
      b: '--events_max=2\n--disable_tables=a, b',
    };
    expect(values(['--events_max=0', '--flagfile=a'], files)).toEqual({
      events_max: '2',
      disable_tables: 'a, b',
      audit_debug: 'true',
      events_optimize: 'false',
    });
    expect(values(['--flagfile', 'a', '--events_max=3'], files).events_max).toBe('3');
    expect(values(['--flagfile=b,a', '--flagfile=b'], files).events_max).toBe('2');
  });

  test('a refusal names the file and the line', () => {
    expect(refusal(['--flagfile=a'], { a: '#\n--events_max=x' }).message).toMatch(
      /^a, line 2: --events_max: expected/,
    );
    expect(refusal(['--flagfile=a'], { a: '--nonesuch' }).message).toMatch(
      /^a, line 1: unknown flag --nonesuch/,
    );
    expect(refusal(['--flagfile=a'], { a: '--events_max' }).message).toBe(
      'a, line 1: --events_max needs a value: write --events_max=VALUE',
    );
    expect(refusal(['--flagfile=a'], { a: 'osqueryd' }).message).toMatch(
      /^a, line 1: expected a flag .* got "osqueryd"/,
    );
    expect(refusal(['--flagfile=a'], { a: '\n--flagfile=b' }).message).toMatch(
      /^a, line 2: flagfile "b" cannot be read/,
    );
  });

  test('a value after a space is refused as osqueryd would not see it', () => {
    expect(refusal(['--flagfile=a'], { a: '--events_max 5' }).message).toMatch(/^a, line 1: unknown flag/);
  });

  test('recursion, depth, number and size are bounded', () => {
    expect(refusal(['--flagfile=a'], { a: '--flagfile=b', b: '--flagfile=a' }).message).toContain(
      'includes itself',
    );
    const chain = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`f${i}`, `--flagfile=f${i + 1}`]));
    expect(refusal(['--flagfile=f0'], chain).message).toContain(`more than ${MAX_FLAGFILE_DEPTH} deep`);
    const many = { a: '--flagfile=b\n'.repeat(MAX_FLAGFILES), b: '' };
    expect(refusal(['--flagfile=a'], many).message).toContain(`at most ${MAX_FLAGFILES}`);
    const large = { a: '#'.repeat(MAX_FLAGFILE_BYTES + 1) };
    expect(refusal(['--flagfile=a'], large).message).toContain('larger than');
  });
});

describe('properties', () => {
  const anyArgument = fc.oneof(
    fc.string(),
    fc.constantFrom(...flags.keys()).map(name => `--${name}`),
    fc.tuple(fc.constantFrom(...flags.keys()), fc.string()).map(([name, value]) => `-${name}=${value}`),
  );

  test('any arguments give flags or a FlagError of one line', () => {
    fc.assert(
      fc.property(fc.array(anyArgument), fc.string(), (args, content) => {
        try {
          parse(['--flagfile=a', ...args], { a: content });
          parse(args);
        } catch (error) {
          expect(error).toBeInstanceOf(FlagError);
          expect((error as FlagError).message).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
        }
      }),
    );
  });

  test('every flag takes its own default, and canonical text reads back as itself', () => {
    for (const flag of flags.values()) {
      if (flag.aliasOf !== undefined || flag.repeatable === true) continue;
      expect(values([`--${flag.name}=${flag.defaultValue}`])).toEqual({ [flag.name]: flag.defaultValue });
    }
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), value => {
        expect(values([`--events_max=${value}`]).events_max).toBe(value.toString());
        expect(values([`--events_max=0x${value.toString(16)}`]).events_max).toBe(value.toString());
      }),
    );
  });

  test('a string flag keeps any value; the last of several wins', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { minLength: 1 }), given => {
        const args = given.flatMap((value, i) =>
          i % 2 ? [`--config_path=${value}`] : ['--config_path', value],
        );
        expect(values(args).config_path).toBe(given.at(-1));
      }),
    );
  });

  test('a flagfile cut off anywhere gives flags or a FlagError, and never a value that the whole does not begin with', () => {
    const whole =
      '# head\n--events_max=12345\r\n--audit_allow_sockets=true\n--disable_tables=process_events,user_events\n';
    for (let length = 0; length <= whole.length; length++) {
      try {
        const cut = values(['--flagfile=a'], { a: whole.slice(0, length) });
        expect('12345'.startsWith(cut.events_max ?? '')).toBe(true);
        expect('process_events,user_events'.startsWith(cut.disable_tables ?? '')).toBe(true);
        expect(['true', undefined]).toContain(cut.audit_allow_sockets);
      } catch (error) {
        expect(error).toBeInstanceOf(FlagError);
      }
    }
  });
});
