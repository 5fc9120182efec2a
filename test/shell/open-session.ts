import type { SessionSettings } from '../../src/shell/command-session.ts';
import { Session } from '../../src/shell/session.ts';
import type { TestCore } from '../core/support.ts';

/** A session whose output can be read. */
export interface TestSession {
  readonly session: Session;
  readonly out: () => string;
  readonly errors: () => string;
}

export const openSession = (
  { core }: TestCore,
  settings: Partial<SessionSettings> = {},
  namesLines = false,
): TestSession => {
  const collect = (): { text: string; write: (text: string) => Promise<void> } => {
    const collected = {
      text: '',
      write: async (text: string) => {
        collected.text += text;
      },
    };
    return collected;
  };
  const out = collect();
  const errors = collect();
  const session = new Session({
    core,
    out,
    errors,
    settings: {
      mode: 'list',
      nullValue: '',
      separator: '|',
      headers: false,
      bail: false,
      echo: false,
      timer: false,
      times: false,
      ...settings,
    },
    terminal: false,
    namesLines,
  });
  return { session, out: () => out.text, errors: () => errors.text };
};
