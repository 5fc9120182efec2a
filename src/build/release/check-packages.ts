import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PROGRAM } from '../../runtime/program-name.ts';
import { architectures } from '../package/architectures.ts';

const run = promisify(execFile);
const MAX_BYTES = 64 * 1024 * 1024;

export interface CheckedPackages {
  /** The lines of SHA256SUMS. */
  readonly sums: readonly string[];
  /** Problems, each with the file first. */
  readonly problems: readonly string[];
  /** Checks that could not be made here. */
  readonly notes: readonly string[];
}

/** Checks the files that `npm run package` made, for all architectures. */
export const checkPackages = async (
  directory: string,
  version: string,
  node: string,
): Promise<CheckedPackages> => {
  const problems: string[] = [];
  const notes: string[] = [];
  const sums = await readSums(directory, problems);
  const listed = new Set(sums.map(line => line.slice(66)));
  for (const { deb, rpm, node: arch } of architectures) {
    const files = {
      deb: `${PROGRAM}_${version}-1_${deb}.deb`,
      rpm: `${PROGRAM}-${version}-1.${rpm}.rpm`,
      tar: `${PROGRAM}-${version}-linux-${deb}.tar.gz`,
      bill: `${PROGRAM}_${version}_${deb}.cdx.json`,
    };
    const missing = Object.values(files).filter(file => !listed.has(file));
    if (missing.length > 0) {
      problems.push(`${missing.join(', ')}: expected in SHA256SUMS`);
      continue;
    }
    const bill = JSON.parse(await readFile(join(directory, files.bill), 'utf8'));
    problems.push(
      ...billProblems(bill, { version, node: `node-linux-${arch}@${node}` }).map(
        text => `${files.bill}: ${text}`,
      ),
    );
    await tell('dpkg-deb', ['--field', join(directory, files.deb), 'Version'], async stdout => {
      if (stdout.trim() !== `${version}-1`)
        problems.push(`${files.deb}: expected version ${version}, got ${stdout.trim()}`);
    });
    await tell('lintian', ['--fail-on=error,warning', join(directory, files.deb)], async () => {});
    await tell('rpmlint', ['--config', rpmlintConfig, join(directory, files.rpm)], async () => {});
  }
  return { sums, problems, notes };

  async function tell(program: string, args: readonly string[], check: (stdout: string) => Promise<void>) {
    try {
      await check((await run(program, args, { maxBuffer: MAX_BYTES })).stdout);
    } catch (error) {
      const { code, stdout, stderr } = error as { code?: unknown; stdout?: string; stderr?: string };
      const file = args.at(-1)!;
      if (code === 'ENOENT') notes.push(`${file}: not checked by ${program}, which is not installed`);
      else problems.push(`${file}: ${program}: ${stdout ?? ''}${stderr ?? String(error)}`.trim());
    }
  }
};

const rpmlintConfig = new URL('../package/files/rpmlint.toml', import.meta.url).pathname;

const readSums = async (directory: string, problems: string[]): Promise<readonly string[]> => {
  const text = await readFile(join(directory, 'SHA256SUMS'), 'utf8').catch(() => '');
  const sums = text.split('\n').filter(line => line !== '');
  if (sums.length === 0) problems.push(`${directory}: expected SHA256SUMS there: run npm run package`);
  for (const line of sums) {
    const [sum, file = ''] = line.split('  ');
    const bytes = await readFile(join(directory, file)).catch(() => undefined);
    if (bytes === undefined) problems.push(`${file}: in SHA256SUMS, but not there`);
    else if (createHash('sha256').update(bytes).digest('hex') !== sum) {
      problems.push(`${file}: its checksum differs from SHA256SUMS`);
    }
  }
  return sums;
};

interface Bill {
  readonly bomFormat?: unknown;
  readonly metadata?: { readonly component?: { readonly name?: unknown; readonly version?: unknown } };
  readonly components?: readonly {
    readonly 'bom-ref'?: unknown;
    readonly version?: unknown;
    readonly purl?: unknown;
  }[];
}

/** What is wrong with a bill of materials. */
export const billProblems = (
  bill: Bill,
  expected: { readonly version: string; readonly node: string },
): readonly string[] => {
  const problems: string[] = [];
  if (bill.bomFormat !== 'CycloneDX')
    problems.push(`expected bomFormat CycloneDX, got ${String(bill.bomFormat)}`);
  const { name, version } = bill.metadata?.component ?? {};
  if (name !== PROGRAM || version !== expected.version) {
    problems.push(
      `expected it to be of ${PROGRAM} ${expected.version}, got ${String(name)} ${String(version)}`,
    );
  }
  const components = bill.components ?? [];
  if (!components.some(component => component['bom-ref'] === expected.node)) {
    problems.push(`expected ${expected.node} among its components`);
  }
  for (const component of components) {
    if (typeof component.version !== 'string' || typeof component.purl !== 'string') {
      problems.push(`expected version and purl of ${String(component['bom-ref'])}`);
    }
  }
  return problems;
};
