import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addToAutoload, removeFromAutoload } from '../../src/setup/edit-autoload.ts';

const PATH = '/usr/lib/osquery/extensions/osquery-audit-events.ext';

const line = fc.oneof(
  fc.constantFrom('', '  ', '# a comment', '; another', '/opt/other.ext', '/opt/caf\xc3\xa9.ext', '\xff\xfe'),
  fc.string({ unit: fc.constantFrom('a', '/', ' ', '\t', '#', '.', '\x80'), maxLength: 12 }),
);
/** Files of others, with every kind of line end. */
const others = fc
  .tuple(fc.array(line, { maxLength: 6 }), fc.constantFrom('\n', '\r\n'), fc.boolean())
  .map(([lines, end, hasEnd]) => lines.join(end) + (hasEnd && lines.length > 0 ? end : ''))
  .filter(text => !/^\s*\/+\s*$|^\s*\/\s*\r?$/m.test(text));

describe('the list of extensions', () => {
  test('has our line once, and every line of others as it was', () => {
    fc.assert(
      fc.property(others, content => {
        const { content: added } = addToAutoload(content, PATH);
        expect(added.startsWith(content)).toBe(true);
        expect(added.split(/\r?\n/).filter(text => text.trim() === PATH)).toHaveLength(1);
        // Nothing but the end that its last line may have lacked is left of it.
        const { content: removed } = removeFromAutoload(added, PATH);
        expect(removed.replace(/\r?\n$/, '')).toBe(content.replace(/\r?\n$/, ''));
        expect(addToAutoload(added, PATH)).toEqual({ content: added, remarks: [] });
      }),
    );
  });

  test.each([
    ['no file', '', `${PATH}\n`],
    ['no final newline', '/opt/other.ext', `/opt/other.ext\n${PATH}\n`],
    ['CRLF', '/opt/other.ext\r\n', `/opt/other.ext\r\n${PATH}\r\n`],
    ['CRLF without a final one', '# a\r\n/opt/other.ext', `# a\r\n/opt/other.ext\r\n${PATH}\r\n`],
    ['our line, without a final newline', `/opt/other.ext\n${PATH}`, `/opt/other.ext\n${PATH}`],
    ['our line, indented, with CRLF', `\t${PATH} \r\n`, `\t${PATH} \r\n`],
    ['a directory with it', '/usr/lib/osquery/extensions/\n', '/usr/lib/osquery/extensions/\n'],
  ])('%s', (_, before, after) => {
    expect(addToAutoload(before, PATH)).toEqual({ content: after, remarks: [] });
  });

  test('has an older path of ours no longer, as two instances do not share kernel audit', () => {
    const old = '/opt/osquery-audit-events-0.1.ext';
    expect(addToAutoload(`/a.ext\r\n${old}\r\n/b.ext\r\n`, PATH)).toEqual({
      content: `/a.ext\r\n${PATH}\r\n/b.ext\r\n`,
      remarks: [`line 2 had another path of it: ${old}`],
    });
    expect(addToAutoload(`${old}\n${PATH}\n${old}\n`, PATH).content).toBe(`${PATH}\n`);
    expect(addToAutoload(`${old}`, PATH).content).toBe(PATH);
  });

  test('keeps a line of ours that somebody commented out, if asked to', () => {
    const off = `; ${PATH}\n`;
    expect(addToAutoload(off, PATH, { respectComments: true })).toEqual({
      content: off,
      remarks: ['line 1 has it commented out, and stays so; remove the ";" to load it'],
    });
    expect(addToAutoload(off, PATH).content).toBe(`${off}${PATH}\n`);
  });

  test('keeps other paths of ours, and directories, when our line goes', () => {
    const content = `/opt/osquery-audit-events.ext\n/usr/lib/osquery\n${PATH}\n`;
    expect(removeFromAutoload(content, PATH)).toEqual({
      content: '/opt/osquery-audit-events.ext\n/usr/lib/osquery\n',
      remarks: ['line 2 is a directory that contains it, and stays: /usr/lib/osquery'],
    });
  });
});
