import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A file's text, where a link leads, or an empty directory; `mode` where it matters. */
export type FakeFile =
  | string
  | { readonly text?: string; readonly mode?: number }
  | { readonly link: string }
  | { readonly directory: true; readonly mode?: number };

/** Makes a root directory that holds these files, by absolute path; it goes with the test. */
export const fakeRoot = (files: Readonly<Record<string, FakeFile>>): string => {
  const root = mkdtempSync(join(tmpdir(), 'doctor-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  for (const [path, file] of Object.entries(files)) {
    const full = join(root, path);
    mkdirSync(dirname(full), { recursive: true });
    if (typeof file === 'string') writeFileSync(full, file);
    else if ('link' in file) symlinkSync(file.link, full);
    else if ('directory' in file) mkdirSync(full, { recursive: true });
    else writeFileSync(full, file.text ?? '');
    if (typeof file === 'object' && 'mode' in file && file.mode !== undefined) chmodSync(full, file.mode);
  }
  return root;
};

/** What procfs has of one process, as far as the doctor looks. */
export const processFiles = (
  pid: number,
  comm: string,
  { state = 'S', uid = 0 }: { readonly state?: string; readonly uid?: number } = {},
): Record<string, string> => ({
  [`/proc/${pid}/comm`]: `${comm}\n`,
  [`/proc/${pid}/status`]: `Name:\t${comm.replaceAll('\n', '\\n')}\nUid:\t${uid}\t${uid}\t${uid}\t${uid}\n`,
  [`/proc/${pid}/stat`]: `${pid} (${comm}) ${state} 1 1 1 0 -1`,
});
