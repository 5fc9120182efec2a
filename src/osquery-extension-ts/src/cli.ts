/**
 * The commands for authors: `npx osquery-extension-ts`.
 *
 * @packageDocumentation
 */
import './node-version.ts';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { messageOf, OsqueryError } from './errors.ts';
import { buildExtension } from './executable/build-extension.ts';
import { newProject } from './new-project.ts';

const USAGE = `osquery-extension-ts: write osquery extensions in TypeScript

  osquery-extension-ts new NAME
      writes a project with a tested table into the directory NAME

  osquery-extension-ts build FILE [--output FILE.ext] [--node PATH]
      makes one executable file of the program FILE and the Node that runs this, or the one at PATH
`;

/** Exit statuses of the program. */
const OK = 0;
const FAILED = 1;
const WRONG_ARGUMENTS = 2;

/** Where the output of commands goes. */
export interface CliOutput {
  readonly out: (text: string) => void;
  readonly error: (text: string) => void;
}

const STANDARD: CliOutput = {
  out: text => process.stdout.write(text),
  error: text => process.stderr.write(text),
};

/**
 * Runs a command.
 *
 * @param argv arguments, without the program
 * @returns the exit status: 0, 1 for a failure, 2 for wrong arguments
 */
export async function runCli(argv: readonly string[], output: CliOutput = STANDARD): Promise<number> {
  let given: ReturnType<typeof parse>;
  try {
    given = parse(argv);
  } catch (error) {
    output.error(`osquery-extension-ts: ${messageOf(error)}\n${USAGE}`);
    return WRONG_ARGUMENTS;
  }
  const { values, positionals } = given;
  const [command, argument] = positionals;
  if (values.help || (values.version !== true && command === undefined)) output.out(USAGE);
  else if (values.version) output.out(`${packageVersion()}\n`);
  else return await runCommand(command!, argument!, values, output);
  return OK;
}

function parse(argv: readonly string[]) {
  const parsed = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      output: { type: 'string', short: 'o' },
      node: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
      version: { type: 'boolean' },
    },
  });
  const { positionals, values } = parsed;
  const [command] = positionals;
  if (command !== undefined && command !== 'new' && command !== 'build') {
    throw new Error(`expected the command new or build, got ${command}`);
  }
  if (command !== undefined && positionals.length !== 2) {
    const what = command === 'new' ? 'a name' : 'the file of a program';
    throw new Error(`${command}: expected ${what}, got ${positionals.slice(1).join(' ') || 'nothing'}`);
  }
  if (command === 'new' && (values.output ?? values.node) !== undefined) {
    throw new Error('new: --output and --node are for build');
  }
  return parsed;
}

async function runCommand(
  command: string,
  argument: string,
  { output: file, node }: { readonly output?: string | undefined; readonly node?: string | undefined },
  output: CliOutput,
): Promise<number> {
  try {
    if (command === 'new') {
      const directory = newProject(argument, packageVersion());
      output.out(`${directory} is written. Next: cd ${argument} && npm install && npm test\n`);
      return OK;
    }
    const built = await buildExtension({
      entry: argument,
      ...(file === undefined ? {} : { output: file }),
      ...(node === undefined ? {} : { node }),
      note: text => output.error(`osquery-extension-ts: ${text}\n`),
    });
    const size = (built.bytes / 1e6).toFixed(0);
    output.out(`${built.output}: ${size} MB, with Node ${built.nodeVersion.slice(1)} for ${process.arch}\n`);
    return OK;
  } catch (error) {
    // For code that cannot be built, esbuild names the place.
    if (!(error instanceof OsqueryError) && !isBuildFailure(error)) throw error;
    output.error(`osquery-extension-ts: ${error.message}\n`);
    return FAILED;
  }
}

function isBuildFailure(error: unknown): error is Error {
  return error instanceof Error && 'errors' in error && 'warnings' in error;
}

function packageVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
}
