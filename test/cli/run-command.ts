import { commands } from '../../src/cli/commands.ts';
import { dispatch } from '../../src/cli/dispatch.ts';

/** Runs the program with arguments, in this process. */
export const runCommand = async (
  ...args: string[]
): Promise<{ status: number; stdout: string; stderr: string }> => {
  let stdout = '';
  let stderr = '';
  const status = await dispatch(args, {
    commands,
    version: async () => '0',
    stdout: text => {
      stdout += text;
    },
    stderr: text => {
      stderr += text;
    },
  });
  return { status, stdout, stderr };
};
