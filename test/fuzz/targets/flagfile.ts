import { commonFlags } from '../../../src/cli/command-flags.ts';
import { readAuditSettings } from '../../../src/flags/audit-settings.ts';
import { flagTable } from '../../../src/flags/flag-definition.ts';
import { FlagError } from '../../../src/flags/flag-error.ts';
import { parseFlagValue } from '../../../src/flags/flag-value.ts';
import { parseFlags } from '../../../src/flags/parse-flags.ts';
import { check, checkEqual, type FuzzTarget, refusals } from '../target.ts';

const flags = flagTable(...commonFlags);
const names = [...flags.keys()].filter(name => /^(?:audit|events|custom)_|verbose|disable_audit/.test(name));

/** Flagfiles a, b and c, between NULs: refused in one line, or values that their flags can have. */
export const flagfile: FuzzTarget = {
  name: 'flagfile',
  maxBytes: 600,
  seeds: () => [
    Buffer.from(
      '--disable_audit=false\n--audit_allow_sockets\n--noaudit_persist\r\n# x\n--events_max=0x10\n',
    ),
    Buffer.from(
      '\ufeff--flagfile=b,c\n-events_expiry=86000\u2028\0--flagfile=c\n--audit-allow-config=T\0--verbose=yes',
    ),
    Buffer.from('--custom_audit_mode=multicast\n--custom_audit_state_dir=/x y\n--events_max= 12 \n'),
    Buffer.from('--flagfile=b\0--flagfile=a'),
  ],
  words: [
    ...names.map(name => `--${name}`),
    '=',
    '=true',
    '=false',
    '\n',
    '\r',
    '\0',
    '--flagfile=',
    'b',
    'c',
    ',',
    '--no',
    '-',
    '4294967296',
    '-1',
    '0x',
    '\u2028',
    '\ufeff',
    '#',
  ],
  run(input) {
    const files = new Map<string, Buffer>();
    let at = 0;
    for (const name of ['a', 'b', 'c']) {
      const nul = input.indexOf(0, at);
      const end = nul < 0 ? input.length : nul;
      files.set(name, input.subarray(at, end));
      at = Math.min(end + 1, input.length);
    }
    let reads = 0;
    const readFlagfile = (path: string): Uint8Array => {
      reads++;
      const content = files.get(path);
      if (content === undefined) throw Object.assign(new Error('no'), { code: 'ENOENT' });
      return content;
    };
    let refused: FlagError | undefined;
    const parsed = refusals(FlagError, () => {
      try {
        return parseFlags(['--flagfile=a', 'positional'], { flags, readFlagfile });
      } catch (error) {
        if (error instanceof FlagError) refused = error;
        throw error;
      }
    });
    check(reads <= 64, `${reads} flagfiles read`);
    if (refused !== undefined) {
      check(!/[\0-\x1f\x7f-\x9f\u2028\u2029]/.test(refused.message), 'a message of one line');
      check(refused.message.length < 500, `a message of ${refused.message.length} characters`);
    }
    if (parsed === undefined) return;
    checkEqual(parsed.positionals.join(), 'positional', 'arguments that are no flags');
    for (const [name, text] of parsed.values) {
      const definition = flags.get(name);
      check(definition !== undefined && definition.aliasOf === undefined, `${name} is a flag`);
      const again = parseFlagValue(definition!, text);
      check(again.kind === 'value' && again.text === text, `${name} has a canonical value, not ${text}`);
    }
    const { settings } = readAuditSettings(parsed.values);
    check(
      Object.values(settings.limits).every(limit => Number.isSafeInteger(limit) && limit >= 0),
      'limits are numbers',
    );
  },
};
