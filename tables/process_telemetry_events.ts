import type { ColumnSpec, Row, TableSpec } from 'osquery-extension-ts';
import { argumentsBeside } from '../src/events/joined-arguments.ts';
import type { TelemetryEvent } from '../src/model/telemetry-model.ts';

/** Queries look for programs by lists of names: core passes all names of an IN in one call, instead of one call for each. */
const NAMES = { index: true, optimized: true } as const;

/** One row per exec. What no data source could determine is NULL. */
const columns = [
  { name: 'timestamp', type: 'TEXT' },
  { name: 'host_name', type: 'TEXT' },
  { name: 'user_uid', type: 'BIGINT' },
  { name: 'user_name', type: 'TEXT' },
  { name: 'user_domain', type: 'TEXT' },
  { name: 'user_username', type: 'TEXT' },
  { name: 'login_user_uid', type: 'BIGINT' },
  { name: 'login_user_name', type: 'TEXT' },
  { name: 'login_user_domain', type: 'TEXT' },
  { name: 'process_md5', type: 'TEXT' },
  { name: 'process_sha256', type: 'TEXT' },
  { name: 'process_pid', type: 'BIGINT' },
  { name: 'process_name', type: 'TEXT', options: NAMES },
  { name: 'process_path', type: 'TEXT' },
  { name: 'process_command_line', type: 'TEXT' },
  { name: 'parent_process_timestamp', type: 'TEXT' },
  { name: 'parent_process_pid', type: 'BIGINT' },
  { name: 'parent_process_name', type: 'TEXT', options: NAMES },
  { name: 'parent_process_path', type: 'TEXT' },
  { name: 'parent_process_md5', type: 'TEXT' },
  { name: 'parent_process_sha256', type: 'TEXT' },
  { name: 'time', type: 'BIGINT', options: { additional: true } },
  { name: 'eid', type: 'TEXT', options: { hidden: true } },
  { name: 'argv', type: 'TEXT', options: { hidden: true } },
  { name: 'container_id', type: 'TEXT', options: { hidden: true } },
  { name: 'container_runtime', type: 'TEXT', options: { hidden: true } },
  { name: 'pod_uid', type: 'TEXT', options: { hidden: true } },
  { name: 'container_name', type: 'TEXT', options: { hidden: true } },
  { name: 'container_image', type: 'TEXT', options: { hidden: true } },
  { name: 'container_image_digest', type: 'TEXT', options: { hidden: true } },
  { name: 'pod_name', type: 'TEXT', options: { hidden: true } },
  { name: 'pod_namespace', type: 'TEXT', options: { hidden: true } },
  { name: 'user_namespace_uid', type: 'BIGINT', options: { hidden: true } },
  { name: 'session', type: 'BIGINT', options: { hidden: true } },
  { name: 'tty', type: 'TEXT', options: { hidden: true } },
  { name: 'process_start_timestamp', type: 'TEXT', options: { hidden: true } },
  { name: 'parent_process_command_line', type: 'TEXT', options: { hidden: true } },
  { name: 'ancestors', type: 'TEXT', options: { hidden: true } },
  { name: 'node', type: 'TEXT', options: { hidden: true } },
] as const satisfies readonly ColumnSpec[];

type TelemetryRow = Row<typeof columns>;

/** Every exec as a complete event: who ran what, under which account, from which parent, with the files' hashes. */
export const processTelemetryEvents = {
  spec: { name: 'process_telemetry_events', columns, attributes: { eventBased: true } },

  /** Fields of the Event Model that rows use. */
  fields: columns.map(({ name }) => name).filter(name => name !== 'time' && name !== 'eid'),

  /** The buffer assigns `eid`. */
  toRow({ event, fields }: Pick<TelemetryEvent, 'event' | 'fields'>): Omit<TelemetryRow, 'eid'> {
    return {
      timestamp: fields.timestamp,
      host_name: fields.host_name,
      user_uid: fields.user_uid,
      user_name: fields.user_name,
      user_domain: fields.user_domain,
      user_username: fields.user_username,
      login_user_uid: fields.login_user_uid,
      login_user_name: fields.login_user_name,
      login_user_domain: fields.login_user_domain,
      process_md5: fields.process_md5,
      process_sha256: fields.process_sha256,
      process_pid: fields.process_pid,
      process_name: fields.process_name,
      process_path: fields.process_path,
      process_command_line: fields.process_command_line,
      parent_process_timestamp: fields.parent_process_timestamp,
      parent_process_pid: fields.parent_process_pid,
      parent_process_name: fields.parent_process_name,
      parent_process_path: fields.parent_process_path,
      parent_process_md5: fields.parent_process_md5,
      parent_process_sha256: fields.parent_process_sha256,
      time: event.seconds,
      argv: fields.argv && argumentsBeside(fields.argv),
      container_id: fields.container_id,
      container_runtime: fields.container_runtime,
      pod_uid: fields.pod_uid,
      container_name: fields.container_name,
      container_image: fields.container_image,
      container_image_digest: fields.container_image_digest,
      pod_name: fields.pod_name,
      pod_namespace: fields.pod_namespace,
      user_namespace_uid: fields.user_namespace_uid,
      session: fields.session,
      tty: fields.tty,
      process_start_timestamp: fields.process_start_timestamp,
      parent_process_command_line: fields.parent_process_command_line,
      ancestors: fields.ancestors && listText(fields.ancestors),
      node: fields.node,
    };
  },
} as const satisfies {
  readonly spec: TableSpec;
  readonly fields: readonly string[];
  readonly toRow: unknown;
};

/** Most characters of the list of ancestors. */
const MOST_LIST_TEXT = 16_384;

const listTexts = new WeakMap<readonly unknown[], string>();

/** Processes of one parent share the list of their ancestors, so its text is made once. */
const listText = (list: readonly unknown[]): string => {
  let text = listTexts.get(list);
  if (text === undefined) {
    text = JSON.stringify(list);
    // If the paths are as long as paths can be, the farthest ancestors are left out.
    for (let kept = list.length; text.length > MOST_LIST_TEXT; kept--)
      text = JSON.stringify(list.slice(0, kept - 1));
    listTexts.set(list, text);
  }
  return text;
};
