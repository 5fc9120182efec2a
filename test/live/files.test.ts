import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { PluginRow } from 'osquery-extension-ts';
import { decodeRows } from 'osquery-extension-ts/encoded';
import { describe, expect, test } from 'vitest';
import { openAuditControl } from '../../src/audit/control/control.ts';
import { NO_EVENTS, rulesFor } from '../../src/audit/control/rules.ts';
import { FILES_KEY } from '../../src/audit/rule-keys.ts';
import { nativeArchitectures } from '../../src/audit/syscalls.ts';
import { readAuditSettings } from '../../src/flags/audit-settings.ts';
import type { WatchedPaths } from '../../src/flags/watched-paths.ts';
import { openKernelSource } from '../../src/ingest/kernel-source.ts';
import { IO_URING, IO_URING_FILES } from '../record/io-uring.ts';
import { unless } from '../unless.ts';
import { leavingAuditAsFound } from './audit-as-found.ts';
import { whyNotLive } from './kernel-audit.ts';
import { whyNotUring } from './kernel-version.ts';

/** The thread of this test takes rows meanwhile. */
const changing = promisify(execFile);

const FILES = 10_000;

/** Writes, renames, links, truncates and deletes so many files, each change with one system call. */
const CHANGES = `
my ($tree, $files) = @ARGV;
chdir $tree or die $!;
for my $i (1..$files) {
  my $path = $i % 2 ? "$tree/a/$i" : "a/$i";
  open(my $f, '>', $path) or die "$path: $!"; print $f "x"; close $f;
  rename $path, "$tree/b/$i" or die $!;
  link "$tree/b/$i", "b/$i.link" or die $!;
  syscall(76, "$tree/b/$i", 0) == 0 or die $!;
  unlink "b/$i" or die $!;
}`;

describe('files that are watched', unless(whyNotLive), () => {
  const live = leavingAuditAsFound();

  const watching = async (watched: WatchedPaths, flags: Readonly<Record<string, string>> = {}) => {
    const { settings } = readAuditSettings(
      new Map([
        ['audit_allow_config', 'true'],
        ['audit_allow_process_events', 'false'],
        ['audit_allow_user_events', 'false'],
        ['audit_allow_fim_events', 'true'],
        ['audit_backlog_limit', '524288'],
        ...Object.entries(flags),
      ]),
    );
    const rows: PluginRow[] = [];
    const warnings: string[] = [];
    const source = await openKernelSource(
      { ...settings, watched },
      {
        onRows: batches => {
          for (const { table, batch } of batches) {
            if (table !== 'process_file_events') continue;
            rows.push(...decodeRows({ count: batch.ends.length, chunks: [batch.bytes] }));
          }
        },
        onProcesses: () => {},
        onRaw: () => {},
        onWarning: message => warnings.push(message),
        onFailed: error => warnings.push(String(error)),
      },
    );
    live.stack.defer(() => source.close());
    return { rows, warnings, source, settings };
  };

  /** Our rules for files: how many there are, and how many one directory alone would take. */
  const ruleCount = async () => {
    const control = openAuditControl();
    try {
      const files = (await control.listRules()).filter(rule => Buffer.from(rule).includes(FILES_KEY)).length;
      const architectures = nativeArchitectures(process.arch);
      const perDirectory = rulesFor(
        { ...NO_EVENTS, watches: [{ kind: 'directory', path: '/etc' }] },
        architectures,
        1,
      ).filter(({ key }) => key === FILES_KEY).length;
      return { files, perDirectory };
    } finally {
      control.close();
    }
  };

  const scratch = (): string => {
    const tree = mkdtempSync(join(tmpdir(), 'osquery-audit-files-'));
    live.stack.defer(async () => rmSync(tree, { recursive: true, force: true }));
    return tree;
  };

  test('each change of 10,000 of them is one row, and what is beside them is none', async () => {
    const tree = scratch();
    for (const name of ['in', 'in/a', 'in/b', 'out', 'out/a', 'out/b']) mkdirSync(join(tree, name));
    const { rows, warnings, source } = await watching({
      included: [{ category: 'tree', pattern: `${tree}/in/%%` }],
      excluded: [],
    });
    await changing('/usr/bin/perl', ['-e', CHANGES, `${tree}/out`, '10']);
    await changing('/usr/bin/perl', ['-e', CHANGES, `${tree}/in`, String(FILES)]);
    const { kernel } = await source.status();
    await source.close();
    // What the kernel could not hand over is no row, and counted.
    const { pipeline, stream } = source.ingest.counters!;
    expect({
      lost: kernel!.lost - source.kernelLostBefore,
      overruns: stream.overruns,
      serialGaps: pipeline.serialGaps,
      unusable: pipeline.unusable,
      malformedRecords: pipeline.malformedRecords,
      unterminated: pipeline.unterminated,
    }).toEqual({ lost: 0, overruns: 0, serialGaps: 0, unusable: 0, malformedRecords: 0, unterminated: 0 });
    expect(warnings).toEqual([]);
    const counts: Record<string, number> = {};
    const seen = new Set<string>();
    for (const { operation, path, dest_path } of rows) {
      counts[operation!] = (counts[operation!] ?? 0) + 1;
      seen.add([operation, path, dest_path].join(' '));
    }
    expect(counts).toEqual({
      'open+truncate': FILES,
      rename: FILES,
      link: FILES,
      write: FILES,
      unlink: FILES,
    });
    // None twice.
    expect(seen.size).toBe(5 * FILES);
    for (let i = 1; i <= FILES; i += 999) {
      const [a, b] = [`${tree}/in/a/${i}`, `${tree}/in/b/${i}`];
      for (const change of [
        `open+truncate ${a} `,
        `rename ${a} ${b}`,
        `link ${b} ${b}.link`,
        `write ${b} `,
        `unlink ${b} `,
      ])
        expect(seen.has(change), change).toBe(true);
    }
    expect(rows[0]).toMatchObject({
      executable: '/usr/bin/perl',
      cwd: `${tree}/in`,
      partial: 'false',
      category: 'tree',
      uid: '0',
    });
  }, 180_000);

  test('paths are told of descriptors, of relative names and of what has a place of its own', async () => {
    const tree = scratch();
    mkdirSync(join(tree, 'deep/er'), { recursive: true });
    writeFileSync(join(tree, 'deep/there'), 'x');
    writeFileSync(join(tree, 'single'), 'x');
    const { rows, warnings, source } = await watching({
      included: [
        { category: 'deep', pattern: `${tree}/deep/%%` },
        { category: 'single', pattern: `${tree}/single` },
        { category: 'never', pattern: 'relative/%%' },
        { category: 'later', pattern: `${tree}/not there/%%` },
      ],
      excluded: [{ category: 'deep', pattern: `${tree}/deep/no%` }],
    });
    const program = `
my $tree = $ARGV[0];
open(my $f, '+<', "$tree/deep/there") or die $!; truncate $f, 0; chmod 0600, $f; close $f;
mkdir "$tree/deep/er/new" or die $!;
opendir(my $d, "$tree/deep/er/new") or die $!;
my $fd = syscall(257, fileno($d), my $name = "by descriptor", 0102, 0600); $fd >= 0 or die $!;
syscall(263, fileno($d), $name, 0) == 0 or die $!;
open($f, '>', "$tree/deep/not this one") or die $!; close $f;
rename "$tree/single", "$tree/other" or die $!;
open($f, '>', "$tree/single") or die $!; close $f;
open($f, '<', "$tree/deep/there") or die $!; close $f;
symlink "there", "$tree/deep/symlink" or die $!;
rmdir "$tree/deep/er/new" or die $!;
open($f, '>', "$tree/unwatched") or die $!; close $f;`;
    await changing('/usr/bin/perl', ['-e', program, tree]);
    await source.close();
    expect(warnings).toEqual([
      expect.stringContaining('does not watch "relative/**": it does not begin with /'),
      expect.stringContaining('not there": there is no such directory yet'),
    ]);
    const said = rows.map(({ operation, path, dest_path = '', category }) =>
      `${category}: ${operation} ${path} ${dest_path}`.replaceAll(tree, '').trimEnd(),
    );
    expect(said).toEqual([
      // What is done to an open file by ftruncate the kernel does not tell of: the open for writing is the row.
      'deep: write /deep/there',
      'deep: chmod /deep/there',
      'deep: mkdir /deep/er/new',
      'deep: write /deep/er/new/by descriptor',
      'deep: unlink /deep/er/new/by descriptor',
      'single: rename /single /other',
      'single: open+truncate /single',
      'deep: symlink /deep/there /deep/symlink',
      'deep: unlink /deep/er/new',
    ]);
  }, 60_000);

  test('what opens create, exchanged names, links of open files, and io_uring, in several directories', async () => {
    const tree = scratch();
    for (const name of ['one', 'two', 'out']) mkdirSync(join(tree, name));
    const { rows, warnings, source } = await watching(
      {
        included: [
          { category: 'one', pattern: `${tree}/one/%%` },
          { category: 'two', pattern: `${tree}/two/%%` },
        ],
        excluded: [],
      },
      { audit_show_partial_fim_events: 'true' },
    );
    const rules = await ruleCount();
    const program = `${IO_URING}${IO_URING_FILES}
my $tree = $ARGV[0]; my $HERE = -100;
chdir "$tree/one" or die $!;
sub z { my $copy = "$_[0]\\0"; $copy }
my $fd = syscall(257, $HERE, z("made"), 0100, 0600); $fd >= 0 or die $!;
syscall(257, $HERE, z("made"), 0, 0) >= 0 or die $!;
syscall(257, $HERE, z("made"), 01000, 0) >= 0 or die $!;
syscall(2, z("$tree/two/made"), 0100, 0600) >= 0 or die $!;
my $how = pack('QQQ', 0100, 0600, 0);
syscall(437, $HERE, z("made2"), $how, 24) >= 0 or die $!;
$how = pack('QQQ', 0, 0, 0);
syscall(437, $HERE, z("made2"), $how, 24) >= 0 or die $!;
syscall(316, $HERE, z("made"), $HERE, z("made2"), 2) == 0 or die $!;
syscall(265, $fd, z(""), $HERE, z("link"), 0x1000) == 0 or die $!;
my $unnamed = syscall(257, $HERE, z("$tree/two"), 020200002, 0600); $unnamed >= 0 or die $!;
syscall(265, $unnamed, z(""), $HERE, z("$tree/two/named"), 0x1000) == 0 or die $!;
file(18, 0, \\"$tree/two/named", 0, 1);
file(37, 0, \\"$tree/two/by ring", 0700);
file(36, 0, \\"$tree/two/named");
file(36, 0, \\"$tree/two/not there");
file(18, 0, \\"$tree/out/created", 0600, 0101);`;
    await changing('/usr/bin/perl', ['-e', program, tree]);
    await source.close();
    expect(warnings).toEqual([]);
    expect(rules.files).toBeLessThan(2 * rules.perDirectory);
    const said = rows.map(({ operation, syscall, path = '', dest_path = '', partial, executable }) =>
      [operation, syscall, path, dest_path, partial === 'true' && 'partial', executable]
        .filter(Boolean)
        .join(' ')
        .replaceAll(tree, ''),
    );
    const perl = '/usr/bin/perl';
    const byRing = [
      // In the call itself: with name and program, but not whether to write.
      `open io_uring_enter /two/named ${perl}`,
      // By a thread of the kernel, which records no names.
      'mkdir io_uring_enter partial',
      'unlink io_uring_enter /two/named',
    ];
    expect(said).toEqual([
      `open openat /one/made ${perl}`,
      `open+truncate openat /one/made ${perl}`,
      `open open /two/made ${perl}`,
      `open openat2 /one/made2 ${perl}`,
      `rename renameat2 /one/made /one/made2 ${perl}`,
      // The descriptor is that of what was "made" then.
      `link linkat /one/made2 /one/link ${perl}`,
      `link linkat /two/named ${perl}`,
      ...(whyNotUring === undefined ? byRing : []),
    ]);
  }, 60_000);

  test('a process with another root, as in a container, has the paths that it sees', async () => {
    const tree = scratch();
    mkdirSync(join(tree, 'inner/deep'), { recursive: true });
    const { rows, source } = await watching({
      included: [{ category: 'tree', pattern: `${tree}/inner/%%` }],
      excluded: [],
    });
    const program = `
chroot $ARGV[0] or die $!; chdir '/inner' or die $!;
open(my $f, '>', 'x') or die $!; rename 'x', '/inner/deep/y' or die $!; open($f, '>', '/beside') or die $!;`;
    await changing('/usr/bin/perl', ['-e', program, tree]);
    await source.close();
    expect(rows.map(({ operation, path, dest_path }) => ({ operation, path, dest_path }))).toEqual([
      { operation: 'open+truncate', path: '/inner/x', dest_path: undefined },
      { operation: 'rename', path: '/inner/x', dest_path: '/inner/deep/y' },
    ]);
  }, 60_000);

  test('a directory that comes back is watched again', async () => {
    const tree = scratch();
    for (const name of ['one', 'two']) mkdirSync(join(tree, name));
    const included = ['one', 'two'].map(name => ({ category: name, pattern: `${tree}/${name}/%%` }));
    const { rows, warnings, source, settings } = await watching({ included, excluded: [] });
    rmSync(join(tree, 'two'), { recursive: true });
    mkdirSync(join(tree, 'two'));
    // Another configuration, so that it is looked at now and not in a minute.
    await source.setSettings({ ...settings, watched: { included, excluded: [] } });
    await changing('/bin/sh', ['-c', `echo > ${tree}/two/x; echo > ${tree}/one/y`]);
    await source.close();
    expect(warnings).toEqual([]);
    expect(rows.map(({ path }) => path?.replace(tree, ''))).toEqual(['/two/x', '/one/y']);
  }, 60_000);
});
