import type { TestOptions } from 'vitest';

declare module 'vitest' {
  interface TaskMeta {
    /** Why it is skipped, for the end of the run. */
    whySkipped?: string;
  }
}

/** Options of a test, or of a `describe`, that is skipped if there is a reason. */
export const unless = (why: string | undefined): TestOptions =>
  why === undefined ? {} : { skip: true, meta: { whySkipped: why } };

export const whyNotLinux = process.platform === 'linux' ? undefined : 'it needs Linux';
export const whyNotRoot = process.geteuid?.() === 0 ? undefined : 'it needs root';
