import { type ExtensionUuid, OsqueryError, OsqueryStatusError } from '../errors.ts';
import type { ExtensionInfo, OptionInfo, PluginRoutes } from '../extension-info.ts';
import { type JsonDocument, jsonText } from '../json-document.ts';
import {
  type DecodeOptions,
  decodeRows,
  type EncodedRows,
  type PluginRow,
  type RowWithBlobs,
} from '../table/encoded-rows.ts';
import { int64Of } from '../wire/int64.ts';
import type { Service } from '../wire/request-codec.ts';
import { readExtensionList } from '../wire/response-codec.ts';
import { CoreDatabase } from './core-database.ts';
import { type CallOptions, ExtensionClient, okStatus, statusOf } from './extension-client.ts';

/** Does with core what an extension does: everything in {@link ExtensionClient}, and core's own methods. */
export class ExtensionManagerClient extends ExtensionClient {
  protected override readonly service: Service = 'ExtensionManager';

  /** Core's database. */
  readonly database = new CoreDatabase(this);

  /**
   * Replaces a part of core's configuration: what came from the same source before is replaced, and all other sources
   * stay.
   *
   * @param source the name under which a config plugin, or an earlier call, gave the document
   * @throws OsqueryStatusError when core does not accept it
   */
  async updateConfig(source: string, document: JsonDocument, options?: CallOptions): Promise<void> {
    const data = jsonText(`updateConfig ${source}`, document);
    await this.call('config', 'update', { action: 'update', source, data }, options);
  }

  /** The registered extensions, by uuid. */
  async extensions(options?: CallOptions): Promise<Map<ExtensionUuid, ExtensionInfo>> {
    return this.invokeRaw('extensions', [], readExtensionList, options);
  }

  /** Core's flags, by name without dashes; values are text ("true", "3600"). */
  async options(options?: CallOptions): Promise<Map<string, OptionInfo>> {
    const list = (await this.invoke('options', [], options)) as Record<string, Record<string, string | null>>;
    return new Map(
      Object.entries(list).map(([name, option]) => [
        name,
        { value: option.value ?? '', defaultValue: option.default_value ?? '', type: option.type ?? '' },
      ]),
    );
  }

  /**
   * Registers an extension's plugins.
   *
   * @returns the uuid from core; core calls the extension at `<socket>.<uuid>`
   * @throws OsqueryStatusError OSQUERY_REGISTRATION_REFUSED with core's own message
   */
  async registerExtension(
    info: ExtensionInfo,
    routes: PluginRoutes,
    options?: CallOptions,
  ): Promise<ExtensionUuid> {
    const registry = Object.fromEntries(
      [...routes].map(([name, plugins]) => [
        name,
        Object.fromEntries([...plugins].map(([item, rows]) => [item, [...rows]])),
      ]),
    );
    const reply = await this.invoke(
      'registerExtension',
      [
        {
          name: info.name,
          version: info.version,
          sdk_version: info.sdkVersion,
          min_sdk_version: info.minSdkVersion,
        },
        registry,
      ],
      options,
    );
    const status = statusOf(reply, 'registerExtension');
    if (status.code !== 0) {
      throw new OsqueryStatusError(status, {
        code: 'OSQUERY_REGISTRATION_REFUSED',
        message: `osquery refused to register extension ${JSON.stringify(info.name)}: ${status.message}`,
      });
    }
    if (status.uuid < 0) {
      throw new OsqueryError('OSQUERY_PROTOCOL', `registerExtension: core gave uuid ${status.uuid}`);
    }
    return status.uuid;
  }

  /** Removes an extension's plugins from core. */
  async deregisterExtension(uuid: ExtensionUuid, options?: CallOptions): Promise<void> {
    okStatus(
      statusOf(await this.invoke('deregisterExtension', [int64Of(uuid)], options), 'deregisterExtension'),
    );
  }

  /**
   * Runs SQL in core. Values are text, and NULL is the empty text, as core sends them. Invalid UTF-8 becomes U+FFFD,
   * except in columns named in `blobs`, whose values are bytes.
   *
   * @throws OsqueryStatusError with core's message when the statement fails
   */
  query(sql: string, options?: CallOptions): Promise<PluginRow[]>;
  query<const Blobs extends string>(
    sql: string,
    options: CallOptions & DecodeOptions<Blobs>,
  ): Promise<RowWithBlobs<Blobs>[]>;
  async query(sql: string, options?: CallOptions & DecodeOptions<string>): Promise<unknown[]> {
    return decodeRows(await this.queryEncoded(sql, options), options ?? {});
  }

  /** Like {@link query}, with the rows as core sent them: they are a part of the received message. */
  queryEncoded(sql: string, options?: CallOptions): Promise<EncodedRows<Uint8Array>> {
    return this.invokeForRows('query', [sql], options);
  }

  /**
   * Runs SQL in core that must return one row.
   *
   * @throws OsqueryError OSQUERY_ROW_COUNT when it returns none or several
   */
  async queryRow(sql: string, options?: CallOptions): Promise<PluginRow> {
    const rows = await this.query(sql, options);
    const [only] = rows;
    if (only !== undefined && rows.length === 1) return only;
    throw new OsqueryError('OSQUERY_ROW_COUNT', `expected one row, got ${rows.length}: ${sql}`);
  }

  /** Names and types of the columns that a query would return, in order, without running it. */
  async getQueryColumns(sql: string, options?: CallOptions): Promise<{ name: string; type: string }[]> {
    const rows = decodeRows(await this.invokeForRows('getQueryColumns', [sql], options));
    return rows.flatMap(row => Object.entries(row).map(([name, type]) => ({ name, type })));
  }
}
