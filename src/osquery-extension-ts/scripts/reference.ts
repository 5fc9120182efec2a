/**
 * Writes REFERENCE.md from the declarations in dist/: `npm run reference`, which builds them first. A test compares
 * the file with the packed package.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** In the order of the reference; a symbol is described where it comes first. */
const ENTRIES = ['index', 'types', 'testing', 'encoded', 'events', 'build', 'server', 'protocol'];

/** A public symbol. */
interface PublicSymbol {
  readonly name: string;
  /** Its documentation, without comment marks. */
  readonly doc: string;
  /** Its TypeScript declaration, including the documentation of its members. */
  readonly code: string;
}

/**
 * The reference as Markdown.
 *
 * @param dist directory of the built package
 * @throws Error for a symbol without documentation
 */
export const referenceOf = (dist: string): string => {
  const told = new Set<string>();
  const sections = ENTRIES.map(entry => {
    const path = join(dist, `${entry}.d.ts`);
    const text = readFileSync(path, 'utf8');
    const [, intro = ''] = /^\/\*\*([\s\S]*?)\*\//.exec(text) ?? [];
    const symbols = publicSymbols(path).filter(({ name }) => !told.has(name));
    for (const { name, doc } of symbols) {
      if (doc === '') throw new Error(`${path}: expected documentation of ${name}`);
      told.add(name);
    }
    const name = entry === 'index' ? 'osquery-extension-ts' : `osquery-extension-ts/${entry}`;
    return [`## ${name}`, prose(intro), ...symbols.map(section)].filter(part => part !== '').join('\n\n');
  });
  return `${[INTRO, ...sections].join('\n\n')}\n`;
};

const INTRO = `# Reference

Made from the declarations by \`npm run reference\`; the [README](README.md) says what to use for what. Times are in
milliseconds where a name ends in \`Ms\`, else in seconds; sizes are in bytes. What is thrown is an \`OsqueryError\` with the code named.`;

const section = ({ name, doc, code }: PublicSymbol): string =>
  `### ${name}\n\n${doc}\n\n\`\`\`ts\n${code}\n\`\`\``;

/** The exports of a module, in order. */
const publicSymbols = (path: string): PublicSymbol[] => {
  const text = readFileSync(path, 'utf8');
  const symbols: PublicSymbol[] = [];
  const EXPORT =
    /^export (?:type )?(?:\{([^}]*)\}|\*) from '([^']+)';$|^export (?:declare |interface |type )/gm;
  for (const match of text.matchAll(EXPORT)) {
    const [, names, from] = match;
    if (from === undefined) {
      const own = declarationAt(text, match.index);
      if (own !== undefined) symbols.push(own);
      continue;
    }
    const all = publicSymbols(resolve(dirname(path), from.replace(/\.[jt]s$/, '.d.ts')));
    if (names === undefined) symbols.push(...all);
    for (const name of names
      ?.split(',')
      .map(each => each.trim())
      .filter(each => each !== '') ?? []) {
      const found = all.find(symbol => symbol.name === name);
      if (found === undefined) throw new Error(`${path}: expected ${name} in ${from}`);
      symbols.push(found);
    }
  }
  return symbols;
};

/** The declaration that begins at a position in a module. */
const declarationAt = (text: string, at: number): PublicSymbol | undefined => {
  const rest = text.slice(at);
  const [, name] =
    /^export (?:declare )?(?:abstract )?(?:const|function|class|interface|type) (\w+)/.exec(rest) ?? [];
  if (name === undefined) return undefined;
  let length = declarationLength(rest);
  // An overloaded function has several declarations, one after the other.
  const overload = new RegExp(`^\\nexport declare function ${name}[<(]`);
  while (overload.test(rest.slice(length))) length += 1 + declarationLength(rest.slice(length + 1));
  const code = rest
    .slice(0, length)
    .replaceAll(/^export (?:declare )?/gm, '')
    .replace(/^ {4}#private;\n/m, '')
    .replaceAll(/^ {4}private .*\n/gm, '');
  const before = text.slice(0, at).trimEnd();
  const start = before.endsWith('*/') ? before.lastIndexOf('/**') : -1;
  return { name, code, doc: start < 0 ? '' : prose(before.slice(start + 3, -2)) };
};

/** Length of a declaration: to the end of its braces, or to the semicolon outside of them. */
const declarationLength = (text: string): number => {
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    if (text.startsWith('/*', at)) at = text.indexOf('*/', at) + 1;
    else if (text[at] === "'") at = text.indexOf("'", at + 1);
    else if ('{(['.includes(text[at]!)) depth += 1;
    else if ('})]'.includes(text[at]!)) {
      depth -= 1;
      const isBody = text[at] === '}' && /^export (?:declare )?(?:abstract )?(?:class|interface) /.test(text);
      if (depth === 0 && isBody) return at + 1;
    } else if (text[at] === ';' && depth === 0) return at + 1;
  }
  return text.length;
};

/** A comment's text as Markdown. */
const prose = (comment: string): string =>
  comment
    .replaceAll(/^[ \t]*\*? ?/gm, '')
    .replaceAll(/\{@link ([^}]*)\}/g, '`$1`')
    .replaceAll(/@packageDocumentation/g, '')
    .replaceAll(/^@param (\w+)/gm, '- `$1`:')
    .replaceAll(/^@returns /gm, '- Returns ')
    .replaceAll(/^@throws /gm, '- Throws ')
    .trim();

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const home = fileURLToPath(new URL('..', import.meta.url));
  if (!existsSync(join(home, 'dist'))) throw new Error('expected dist/: npm run build');
  writeFileSync(join(home, 'REFERENCE.md'), referenceOf(join(home, 'dist')));
}
