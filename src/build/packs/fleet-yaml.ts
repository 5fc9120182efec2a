import { type Detection, statementOf } from '../../../tables/detections/detection.ts';

/** Text in double quotes: JSON's strings are YAML's. */
const quoted = (text: string): string => JSON.stringify(text);

/** A text of several lines, without the indentation. */
const block = (text: string, indent: string): string =>
  `|-\n${text
    .split('\n')
    .map(line => `${indent}${line}`)
    .join('\n')}`;

/**
 * Detections as a list of Fleet's reports (called queries before Fleet 4.82), for `reports: [{path: …}]` in its GitOps files.
 *
 * The results go to Fleet's log destination (`automations_enabled`) and are not kept as the host's latest ones (`discard_data`): rows
 * of events come once.
 */
export const fleetReports = (detections: readonly Detection[]): string =>
  detections
    .map(({ name, query, interval, description, attack, falsePositives, exclude }) =>
      [
        `- name: ${quoted(name)}`,
        `  description: ${quoted(
          `${description} ATT&CK ${attack.join(', ')}. Ordinary causes: ${falsePositives} To exclude one, add a condition such as: ${exclude}`,
        )}`,
        `  query: ${block(statementOf(query, { separator: '\n' }), '    ')}`,
        `  interval: ${interval}`,
        '  platform: "linux"',
        '  logging: "differential_ignore_removals"',
        '  automations_enabled: true',
        '  observer_can_run: true',
        '  discard_data: true',
        '',
      ].join('\n'),
    )
    .join('');

/** What osquery is to watch, as Fleet's agent options. */
export const fleetAgentOptions = (watched: Readonly<Record<string, readonly string[]>>): string =>
  [
    'config:',
    '  options:',
    '    audit_allow_fim_events: true',
    '  file_paths:',
    ...Object.entries(watched).flatMap(([category, paths]) => [
      `    ${category}:`,
      ...paths.map(path => `      - ${quoted(path)}`),
    ]),
    '',
  ].join('\n');
