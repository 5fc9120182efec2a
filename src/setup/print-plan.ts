import { createTwoFilesPatch } from 'diff';
import type { SetupPlan } from './plan-setup.ts';

const asUtf8 = (bytes: string): string => Buffer.from(bytes, 'latin1').toString();
/** Files may hold anything; a terminal must not act on them. */
const printable = (text: string): string =>
  text.replace(/\r$/gm, '').replace(/(?![\n\t])\p{C}|\p{Zl}|\p{Zp}/gu, '\ufffd');
/** Unchanged lines shown around a change. */
const CONTEXT = 2;
const NOTHING = '/dev/null';

/** The changes as a unified diff, followed by the remarks. */
export const printPlan = ({ changes, remarks }: SetupPlan): string => {
  const patches = changes.map(({ file, content }) =>
    createTwoFilesPatch(
      file.content === undefined ? NOTHING : file.path,
      content === undefined ? NOTHING : file.path,
      asUtf8(file.content ?? ''),
      asUtf8(content ?? ''),
      undefined,
      undefined,
      { context: CONTEXT },
    ).replace(/^(Index: .*\n)?=+\n/, ''),
  );
  return [...patches.map(printable), ...remarks.map(remark => `note: ${remark}\n`)].join('');
};
