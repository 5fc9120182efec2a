import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';
import { fixtureRows } from '../../src/build/pages/fixture-examples.ts';
import { withPart } from '../../src/build/pages/page-parts.ts';
import { pagesOf } from '../../src/build/pages/pages.ts';
import { commonFlags, helpFlags } from '../../src/cli/command-flags.ts';
import { commands } from '../../src/cli/commands.ts';
import { documentedTables } from '../../tables/facts/index.ts';
import { scenarios } from '../bench/scenarios.ts';
import { pagePaths, readPage, root } from './all-pages.ts';
import { consoleBlock, fencesOf, proseOf } from './console-blocks.ts';

const pages = pagePaths();
/** Pages of the SDK, which is published by itself and has tests of its own. */
const own = pages.filter(path => !path.startsWith('src/osquery-extension-ts/'));
const scripts: Readonly<Record<string, string>> = JSON.parse(readPage('package.json')).scripts;
/** Of this program, and of osquery's that it knows. */
const flagNames = [...commonFlags, ...commands.map(({ flags }) => flags), helpFlags]
  .flat()
  .map(({ name }) => name);
/** Of osqueryi and npm scripts, and the names of examples. */
const FOREIGN = ['extension', 'dry-run', 'name', 'noname'];
const recordings = fixtureRows(join(root, 'fixtures'));

describe('parts that are made from the code', () => {
  test.each([...pagesOf(root)])('%s is up to date: npm run pages', (path, page) => {
    expect(readPage(path)).toBe(page);
  });

  test('are put between their comments, and nowhere else', () => {
    const page = 'a\n<!-- x: made by "npm run pages" -->\nold\n<!-- end of x -->\nb';
    expect(withPart(page, 'x', 'new\n')).toBe(
      'a\n<!-- x: made by "npm run pages" -->\n\nnew\n\n<!-- end of x -->\nb',
    );
    for (const broken of ['', page + page, page.replace('<!-- end of x -->', '')])
      expect(() => withPart(broken, 'x', 'new')).toThrow('expected a line');
  });
});

describe.each(documentedTables)('$spec.name', ({ spec, columns, flags }) => {
  test('has facts of each column, and of no other', () => {
    expect(Object.keys(columns).sort()).toEqual(spec.columns.map(({ name }) => name).sort());
  });

  test('names flags that exist', () => {
    const names = commonFlags.flat().map(({ name }) => name);
    for (const flag of flags) expect(names).toContain(flag);
  });

  test('has no NULL in recorded events where it says never', () => {
    const never = Object.entries(columns).filter(([, { nullIf }]) => nullIf === undefined);
    for (const rows of recordings)
      for (const row of rows[spec.name] ?? [])
        for (const [name] of never) expect(row, JSON.stringify(row)).toHaveProperty(name);
  });

  test('has an example of each column that can have a value', () => {
    for (const [name, { example }] of Object.entries(columns)) {
      const isEmpty = ['env', 'overflows'].includes(name);
      const recorded = recordings.some(rows => rows[spec.name]?.some(row => (row[name] ?? '') !== ''));
      expect(recorded || isEmpty || example !== undefined, name).toBe(true);
    }
  });
});

describe.each(own)('%s', path => {
  const page = readPage(path);
  const fences = fencesOf(page);

  test('says of each block of commands how it is kept true', () => {
    for (const fence of fences) {
      expect(fence.info, `line ${fence.at}`).toMatch(/^(?:console|text|json|yaml|sql|ts)\b/);
      const block = consoleBlock(fence);
      if (block === undefined) continue;
      if (block.truth.kind === 'by') expect(scripts).toHaveProperty([block.truth.script]);
      if (block.truth.kind !== 'recorded')
        expect(block.commands.length, `line ${fence.at}`).toBeGreaterThan(0);
    }
  });

  test('names scripts, scenarios and commands that exist', () => {
    for (const [, name] of page.matchAll(/npm run (?:-s )?([a-z][\w:-]*)/g)) {
      if (name !== 'NAME') expect(scripts).toHaveProperty([name!]);
    }
    const names = scenarios.map(({ name }) => name);
    for (const [, list] of page.matchAll(/npm run bench -- ([a-z][a-z-]*(?: [a-z][a-z-]*)*)/g))
      for (const name of list!.trim().split(' ')) expect(names).toContain(name);
    const known = commands.map(({ name }) => name);
    for (const [, name] of page.matchAll(/`osquery-audit-events ([a-z]+)/g)) expect(known).toContain(name);
  });

  test('names flags, tables and columns that exist', () => {
    // Pages of the tests have options of their scripts.
    const options = path.startsWith('test/') ? [] : page.matchAll(/(?:^|`)--([a-z_-]+)/gm);
    for (const [, name] of options) expect([...flagNames, ...FOREIGN]).toContain(name);
    const known = new Set([
      ...flagNames,
      ...documentedTables.flatMap(({ spec }) => [spec.name, `audit_${spec.name}`]),
      ...documentedTables.flatMap(({ columns }) => Object.keys(columns)),
    ]);
    for (const [, text] of proseOf(page).matchAll(/`([^`\n]+)`/g)) {
      const [, name] =
        /^(?:--)?((?:custom_)?(?:audit|events)_[a-z_]+|[a-z_]+_events)(?:=.*)?$/.exec(text!) ?? [];
      if (name !== undefined) expect(known, `\`${text}\``).toContain(name);
    }
  });
});

describe.each(pages)('links of %s', path => {
  test('lead somewhere', () => {
    for (const [, link] of proseOf(readPage(path)).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link!)) continue;
      const [file, anchor] = link!.split('#');
      const target = file === '' ? path : normalize(join(dirname(path), file!));
      expect(existsSync(join(root, target)), link).toBe(true);
      if (anchor === undefined) continue;
      expect(anchorsOf(readFileSync(join(root, target), 'utf8')), link).toContain(anchor);
    }
  });
});

/** The anchors that GitHub gives to a page's headings. */
const anchorsOf = (page: string): readonly string[] =>
  [...proseOf(page).matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );

test('the README is one screen and a half, and names each page of this program', () => {
  const readme = readPage('README.md');
  expect(readme.split('\n').length).toBeLessThanOrEqual(90);
  const linked = [...readme.matchAll(/\]\(([^)#]+)[^)]*\)/g)].map(([, link]) => link!);
  const rooms = own.filter(path => /^(?:src|tables)\/.*\.md$/.test(path));
  for (const page of rooms)
    expect(
      linked.some(
        link => link === page || (statSync(join(root, link)).isDirectory() && `${link}/README.md` === page),
      ),
      page,
    ).toBe(true);
});

test('each message of the page on what is wrong is one of the program', () => {
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter(path => path.endsWith('.ts') && !path.includes('node_modules'))
    .map(path => readFileSync(join(root, 'src', path), 'utf8'))
    .join('\n');
  const [, table = ''] = readPage('src/doctor/README.md').split('## By message\n');
  const cells = [...table.split('\n## ')[0]!.matchAll(/^\| `([^`]+)`/gm)].map(([, message]) => message!);
  expect(cells.length).toBeGreaterThan(10);
  for (const message of cells) {
    // What the C library says is not ours.
    if (message.startsWith('version ')) continue;
    for (const part of message.split('…')) expect(sources).toContain(part.trim());
  }
});
