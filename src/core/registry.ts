/**
 * Core's registry: which plugin names exist, and who owns each. A name is taken once, by core itself or by an
 * extension, and stays taken if its table is disabled.
 *
 * Source: osquery 5.23 `registry/registry_factory.cpp`, `registry_interface.cpp`.
 */

import type { PluginRoutes } from 'osquery-extension-ts/types';
import { CodedError } from '../runtime/coded-error.ts';

/** The registries of core; an extension cannot add new ones. */
const REGISTRIES: readonly string[] = [
  'carver',
  'config',
  'config_parser',
  'database',
  'distributed',
  'enroll',
  'event_publisher',
  'event_subscriber',
  'killswitch',
  'logger',
  'numeric_monitoring',
  'sql',
  'table',
];

/** Core itself. */
export const CORE_UUID = 0;

export interface RegistryItem {
  readonly registry: string;
  readonly name: string;
  /** The extension's uuid; 0 is core. */
  readonly owner: number;
}

/** Registering would break one of the registry's rules; the message is core's. */
export class RegistryError extends CodedError<'registry-conflict'> {
  override readonly name = 'RegistryError';

  constructor(message: string, options?: ErrorOptions) {
    super('registry-conflict', message, options);
  }
}

export class Registry {
  readonly #items = new Map<string, Map<string, number>>(REGISTRIES.map(name => [name, new Map()]));

  addNative(registry: string, name: string): void {
    this.#items.get(registry)?.set(name, CORE_UUID);
  }

  /** Takes all names of an extension; if that fails, throws and takes none. */
  addExtension(uuid: number, routes: PluginRoutes): void {
    for (const [registry, plugins] of routes) {
      for (const name of plugins.keys()) {
        if (this.#items.get(registry)?.has(name)) {
          throw new RegistryError(`Registry item ${name} conflicts with another item of the same name.`);
        }
      }
    }
    for (const registry of routes.keys()) {
      if (!this.#items.has(registry)) throw new RegistryError(`Unknown registry: ${registry}`);
    }
    for (const [registry, plugins] of routes) {
      for (const name of plugins.keys()) this.#items.get(registry)!.set(name, uuid);
    }
  }

  /** Frees an extension's names; returns those of its tables. */
  removeExtension(uuid: number): string[] {
    const tables: string[] = [];
    for (const [registry, plugins] of this.#items) {
      for (const [name, owner] of plugins) {
        if (owner !== uuid) continue;
        plugins.delete(name);
        if (registry === 'table') tables.push(name);
      }
    }
    return tables;
  }

  /** Undefined when the registry has no such plugin. */
  owner(registry: string, name: string): number | undefined {
    return this.#items.get(registry)?.get(name);
  }

  /** Every plugin, core's before the extensions' in each registry. */
  items(): RegistryItem[] {
    const items: RegistryItem[] = [];
    for (const [registry, plugins] of [...this.#items].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const sorted = [...plugins].sort(
        ([nameA, ownerA], [nameB, ownerB]) =>
          Math.sign(ownerA) - Math.sign(ownerB) || (nameA < nameB ? -1 : 1),
      );
      for (const [name, owner] of sorted) items.push({ registry, name, owner });
    }
    return items;
  }
}
