import { type EnrichedEvent, EventModel } from './event-model.ts';
import { planSources } from './plan.ts';
import { createLiveServices, type LiveServices, type ServiceOptions } from './services.ts';
import type { ModelLimits } from './source-runner.ts';
import { liveSources, replaySources, type TelemetryFields } from './sources.ts';

/** A process event with everything known about it. */
export type TelemetryEvent = EnrichedEvent<TelemetryFields>;

export interface TelemetryModelOptions {
  /** `live`: events of this host, now; `replay`: recorded ones, to which this host adds nothing. */
  readonly origin: 'live' | 'replay';
  readonly emit: (event: TelemetryEvent) => void;
  /** Fields that are read: a source that serves none of them costs nothing. */
  readonly wanted: Iterable<string>;
  readonly limits?: Partial<ModelLimits>;
  readonly services?: ServiceOptions;
}

export interface TelemetryModel {
  readonly model: EventModel<TelemetryFields>;
  /** For their counters; undefined for recorded events. */
  readonly services: LiveServices | undefined;
}

/**
 * The Event Model with the sources of this program. Nothing runs until `model.start()`.
 *
 * @throws ModelError for a wanted field that no source has
 */
export const createTelemetryModel = (options: TelemetryModelOptions): TelemetryModel => {
  const services = options.origin === 'live' ? createLiveServices(options.services) : undefined;
  // For recorded events only the fields that they can have are asked for; the rest stays NULL.
  const names = [...options.wanted];
  const sources = services === undefined ? replaySources() : liveSources(services);
  const offered = new Set<string>(sources.flatMap(({ provides }) => Object.keys(provides)));
  const model = new EventModel<TelemetryFields>({
    sources,
    emit: options.emit,
    wanted: services === undefined ? names.filter(name => offered.has(name)) : names,
    ...(options.services?.clock && { clock: options.services.clock }),
    ...(options.limits && { limits: options.limits }),
  });
  return { model, services };
};

/**
 * Checks names that people chose.
 *
 * @returns the same names without duplicates
 * @throws ModelError naming the unknown field and the existing ones
 */
export const telemetryFieldNames = (names: readonly string[]): readonly string[] => {
  const distinct = [...new Set(names)];
  planSources(liveSources(createLiveServices()), distinct);
  return distinct;
};
