import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CompletionWorld, complete } from '../../src/shell/completion.ts';
import { DOT_COMMANDS } from '../../src/shell/dot-commands.ts';

const columns = (...names: string[]) => names.map(name => ({ name, aliasOf: undefined }));

const world: CompletionWorld = {
  commands: DOT_COMMANDS,
  tables: [
    {
      name: 'process_events',
      views: ['audit_process_events'],
      columns: [...columns('pid', 'path', 'parent', 'time'), { name: 'paths', aliasOf: 1 }],
    },
    { name: 'user_events', views: [], columns: columns('uid', 'path', 'time') },
    { name: 'time', views: [], columns: columns('unix_time') },
  ],
};

/** What is offered at the `|` of a text. */
const offered = (text: string): readonly string[] => {
  const [before = '', after = ''] = text.split('|');
  return complete(before, after, world)[0];
};

describe('complete', () => {
  test('commands and their arguments', () => {
    expect(offered('.sc|')).toEqual(['.schema']);
    expect(offered('.mode re|')).toEqual(['records']);
    expect(offered('.times o|')).toEqual(['on', 'off']);
    expect(offered('.schema us|')).toEqual(['user_events']);
    expect(offered('.types SELECT parent, ti| FROM process_events')).toEqual(['time']);
    expect(offered('.print x|')).toEqual([]);
    expect(offered('.nonsense x|')).toEqual([]);
  });

  test('tables after FROM, JOIN and a comma', () => {
    expect(offered('SELECT * FROM |')).toEqual([
      'audit_process_events',
      'process_events',
      'time',
      'user_events',
    ]);
    expect(offered('SELECT * FROM USER|')).toEqual(['user_events']);
    expect(offered('SELECT * FROM process_events JOIN u|')).toEqual(['user_events']);
    expect(offered('SELECT * FROM process_events p, user|')).toEqual(['user_events']);
    expect(offered('SELECT 1;\nselect *\nfrom pro|')).toEqual(['process_events']);
  });

  test('columns of the tables that the statement names, also behind the cursor', () => {
    expect(offered('SELECT pa| FROM user_events')).toEqual(['path']);
    expect(offered('SELECT pa| FROM audit_process_events')).toEqual(['parent', 'path']);
    expect(offered('SELECT * FROM process_events WHERE pi|')).toEqual(['pid']);
    expect(offered('SELECT * FROM user_events u, process_events p WHERE p.p|')).toEqual([
      'p.pid',
      'p.path',
      'p.parent',
    ]);
    expect(offered('SELECT * FROM user_events u WHERE u.pi|')).toEqual([]);
    expect(offered('SELECT | FROM user_events')).toEqual(['uid', 'path', 'time']);
    // No table yet: of any.
    expect(offered('SELECT unix|')).toEqual(['unix_time']);
  });

  test('words of SQL in the case that was typed', () => {
    expect(offered('sel|')).toEqual(['select']);
    expect(offered('SEL|')).toEqual(['SELECT']);
    expect(offered('SELECT * FROM user_events WH|')).toEqual(['WHERE', 'WHEN']);
  });

  test('nothing inside quotes, and nothing for nothing', () => {
    expect(offered("SELECT * FROM user_events WHERE path = 'pa|")).toEqual([]);
    expect(offered("SELECT * FROM user_events WHERE path = 'x' AND ui|")).toEqual(['uid']);
    expect(offered('|')).toEqual([]);
  });

  test('replaces the end of what was typed by what begins with it, whatever the text', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (before, after) => {
        const [candidates, replaced] = complete(before, after, world);
        expect(before.endsWith(replaced)).toBe(true);
        for (const candidate of candidates)
          expect(candidate.toLowerCase().startsWith(replaced.toLowerCase())).toBe(true);
      }),
      { examples: [['.!', '']] },
    );
  });
});
