import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OsqueryError } from '../../src/osquery-extension-ts/src/errors.ts';
import { parseExtensionArgs } from '../../src/osquery-extension-ts/src/extension-args.ts';

describe('the arguments of an extension', () => {
  it.each<[string, object]>([
    ['', {}],
    [
      '--verbose --socket /run/em --timeout 3 --interval 5',
      { verbose: true, socket: '/run/em', timeout: 3, interval: 5 },
    ],
    ['--socket=/run/a=b -timeout=0.5 --noverbose', { socket: '/run/a=b', timeout: 0.5, verbose: false }],
    ['--verbose=false', { verbose: false }],
    ['--help', { show: 'help' }],
    ['--version', { show: 'version' }],
  ])('%j', (line, args) => {
    expect(parseExtensionArgs(line === '' ? [] : line.split(' '))).toEqual(args);
  });

  it.each([
    ['--sockets /x', 'unknown argument "--sockets"; expected --socket PATH'],
    ['file', 'unknown argument "file"'],
    ['--socket', '--socket: expected a value'],
    ['--timeout soon', '--timeout: expected seconds, got "soon"'],
    ['--interval -1', '--interval: expected seconds, got "-1"'],
    ['--verbose=maybe', 'unknown argument "--verbose=maybe"'],
  ])('%j is refused', (line, message) => {
    expect(() => parseExtensionArgs(line.split(' '))).toThrow(message);
  });

  it('are read or refused, whatever they are', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.string(), fc.constantFrom('--socket', '--timeout', '-verbose'))),
        argv => {
          try {
            parseExtensionArgs(argv);
          } catch (error) {
            expect(error).toBeInstanceOf(OsqueryError);
          }
        },
      ),
    );
  });
});
