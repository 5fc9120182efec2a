import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import manifest from '../../../package.json' with { type: 'json' };
import { changelogSections, releaseNotes } from '../../../src/build/release/changelog.ts';

const markdown =
  '# Changelog\n\nWords.\n\n## 1.1.0 (2026-02-03)\n\n### Added\n\n- x\n\n## 1.0.0 (2026-01-02)\n\n- y\n';

describe('a changelog', () => {
  test('has sections', () => {
    expect(changelogSections(markdown)).toEqual([
      { version: '1.1.0', date: '2026-02-03', text: '### Added\n\n- x' },
      { version: '1.0.0', date: '2026-01-02', text: '- y' },
    ]);
    expect(() => changelogSections(`${markdown}\n## Next\n`)).toThrow(
      'CHANGELOG.md, line 15: expected "## 1.2.3 (YYYY-MM-DD)" or "## Unreleased", got "## Next"',
    );
  });

  test('has the notes of the newest version, and of no other', () => {
    const sections = changelogSections(markdown);
    expect(releaseNotes(sections, '1.1.0')).toEqual({ text: '### Added\n\n- x', isDated: true });
    expect(releaseNotes(sections, '1.0.0').problem).toContain(
      'expected 1.0.0 as the first section, got 1.1.0',
    );
    expect(releaseNotes(sections, '1.2.0').problem).toContain('expected a section for 1.2.0');
    const next = changelogSections(`## Unreleased\n\n- z\n\n${markdown.slice(markdown.indexOf('## 1.1'))}`);
    expect(releaseNotes(next, '1.2.0')).toEqual({ text: '- z', isDated: false });
    expect(releaseNotes(changelogSections('## Unreleased\n'), '1.2.0').problem).toContain('got none');
  });

  test("is kept: this project's has something to say of its version", () => {
    const text = readFileSync(new URL('../../../CHANGELOG.md', import.meta.url), 'utf8');
    expect(releaseNotes(changelogSections(text), manifest.version)).toHaveProperty('text');
  });
});
