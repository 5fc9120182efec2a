import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isMarkedFile, markedFile, withBlock, withoutBlocks } from '../../src/setup/marked.ts';

const never = () => false;
const text = fc.string({ unit: fc.constantFrom('a', '-', ' ', '\n', '\r\n', '\xff', '#'), maxLength: 30 });
const ours = fc.array(fc.stringMatching(/^--[a-z]{1,8}=[a-z0-9]{0,8}$/), { minLength: 1, maxLength: 5 });

describe('a block of ours', () => {
  test('comes out of a file as it went in', () => {
    fc.assert(
      fc.property(text, ours, (content, lines) => {
        const out = withoutBlocks(withBlock(content, lines), never);
        expect(out.content.replace(/\r?\n$/, '')).toBe(content.replace(/\r?\n$/, ''));
        expect(out.lines).toEqual(lines);
        expect(out.changed).toEqual([]);
      }),
    );
  });

  test('that was changed gives back what others wrote into it', () => {
    const lines = ['--a=1', '--b=2', '--c=3'];
    const edited = withBlock('--x=0\n', lines).replace('--b=2', '--b=20\n--d=4');
    expect(withoutBlocks(edited, line => lines.includes(line))).toEqual({
      content: '--x=0\n--b=20\n--d=4\n',
      lines: ['--a=1', '--c=3'],
      changed: [
        { number: 4, text: '--b=20' },
        { number: 5, text: '--d=4' },
      ],
    });
  });

  test('without its end goes as far as its own lines do', () => {
    const lines = ['--a=1'];
    const cut = `${withBlock('', lines).split('\n').slice(0, 2).join('\n')}\n--x=1\n`;
    expect(withoutBlocks(cut, line => lines.includes(line)).content).toBe('--x=1\n');
  });
});

test('a whole file of ours is known until somebody changes it', () => {
  fc.assert(
    fc.property(text, fc.nat(), (content, position) => {
      const file = markedFile(content);
      expect(isMarkedFile(file)).toBe(true);
      const at = file.indexOf('\n') + 1 + (position % (content.length + 1));
      expect(isMarkedFile(`${file.slice(0, at)}!${file.slice(at)}`)).toBe(false);
      expect(isMarkedFile(content)).toBe(false);
    }),
  );
});
