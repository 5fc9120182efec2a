/** The section of one version in a changelog. */
export interface ChangelogSection {
  /** `1.2.3`, or `Unreleased`. */
  readonly version: string;
  /** `YYYY-MM-DD`; undefined if not released yet. */
  readonly date: string | undefined;
  /** Markdown, without its heading. */
  readonly text: string;
}

const HEADING = /^## (Unreleased|\d+\.\d+\.\d+(?:-[\w.]+)?)(?: \((\d{4}-\d\d-\d\d)\))?$/;

/**
 * The versions in CHANGELOG.md, in its order: newest first.
 *
 * @throws Error with the line of a heading that names no version
 */
export const changelogSections = (markdown: string): readonly ChangelogSection[] => {
  const sections: { version: string; date: string | undefined; lines: string[] }[] = [];
  for (const [index, line] of markdown.split(/\r?\n/).entries()) {
    if (!line.startsWith('## ')) {
      sections.at(-1)?.lines.push(line);
      continue;
    }
    const [, version, date] = HEADING.exec(line) ?? [];
    if (version === undefined) {
      throw new Error(
        `CHANGELOG.md, line ${index + 1}: expected "## 1.2.3 (YYYY-MM-DD)" or "## Unreleased", got ${JSON.stringify(line)}`,
      );
    }
    sections.push({ version, date, lines: [] });
  }
  return sections.map(({ version, date, lines }) => ({ version, date, text: lines.join('\n').trim() }));
};

/** A release's notes, or why there are none. */
export type ReleaseNotes =
  | { readonly text: string; readonly isDated: boolean; readonly problem?: undefined }
  | { readonly problem: string };

/** What the changelog says about a version: its own section or, before the release, Unreleased. */
export const releaseNotes = (sections: readonly ChangelogSection[], version: string): ReleaseNotes => {
  const [first] = sections;
  const own = sections.find(section => section.version === version);
  const section = own ?? (first?.version === 'Unreleased' ? first : undefined);
  if (section === undefined) {
    return { problem: `CHANGELOG.md: expected a section for ${version}, or Unreleased as the first one` };
  }
  if (own !== undefined && own !== first) {
    return { problem: `CHANGELOG.md: expected ${version} as the first section, got ${first?.version}` };
  }
  if (section.text === '')
    return { problem: `CHANGELOG.md: expected text under ${section.version}, got none` };
  return { text: section.text, isDated: section.date !== undefined };
};
