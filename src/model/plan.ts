import { ModelError } from './model-error.ts';
import type { DataSource, EventSource, LaterSource } from './source.ts';

export interface LaterStep {
  readonly source: LaterSource;
  /** Positions in `Plan.later` of the steps that must be settled before. */
  readonly after: readonly number[];
}

/** More are refused: the steps that an event waits for are the bits of one number. */
export const MAX_LATER_STEPS = 30;

/** The order in which sources are asked: every source after those whose fields it needs. */
export interface Plan {
  readonly event: readonly EventSource[];
  readonly later: readonly LaterStep[];
  /** Every source that takes part, in the order of asking. */
  readonly sources: readonly DataSource[];
  /** Fields that reach the emitted event, in order of asking. */
  readonly fields: readonly string[];
}

/**
 * Makes a plan from declarations alone, so that adding a source never means editing an order.
 *
 * @param wanted output fields that are read: sources that serve none of them, directly or through another source, are
 * left out and cost nothing. All output fields unless given.
 * @throws ModelError naming the sources and fields that do not fit together
 */
export const planSources = (sources: readonly DataSource[], wanted?: Iterable<string>): Plan => {
  const providers = findProviders(sources);
  const roots =
    wanted === undefined
      ? sources.filter(source => Object.values(source.provides).includes('output'))
      : [...wanted].map(field => outputProvider(field, providers));
  // The declared order decides between sources that do not need each other.
  const wantedRoots = new Set(roots);
  const order: DataSource[] = [];
  const visit = visitor(providers, order);
  for (const source of sources) visit(source, undefined);

  const used = reachable(wantedRoots, providers);
  const planned = order.filter(source => used.has(source));
  const event = planned.filter((source): source is EventSource => source.phase === 'event');
  const later = planned.filter((source): source is LaterSource => source.phase === 'later');
  if (later.length > MAX_LATER_STEPS) {
    throw new ModelError(
      'too-many-sources',
      `${later.length} data sources answer later; at most ${MAX_LATER_STEPS} can: let some answer at event time, or together`,
    );
  }
  return {
    event,
    later: later.map(source => ({
      source,
      after: [
        ...new Set(
          source.needs
            .map(field => later.indexOf(providers.get(field) as LaterSource))
            .filter(position => position >= 0),
        ),
      ],
    })),
    sources: [...event, ...later],
    fields: [...event, ...later].flatMap(source => Object.keys(source.provides)),
  };
};

type Providers = ReadonlyMap<string, DataSource>;

const findProviders = (sources: readonly DataSource[]): Providers => {
  const names = new Set<string>();
  const providers = new Map<string, DataSource>();
  for (const source of sources) {
    if (names.has(source.name)) {
      throw new ModelError('duplicate-source', `two data sources are named '${source.name}'; rename one`);
    }
    names.add(source.name);
    for (const field of Object.keys(source.provides)) {
      const other = providers.get(field);
      if (other !== undefined) {
        throw new ModelError(
          'duplicate-field',
          `data sources '${other.name}' and '${source.name}' both provide '${field}'; a field has one provider`,
        );
      }
      providers.set(field, source);
    }
  }
  for (const source of sources) {
    for (const field of source.needs) {
      const provider = providers.get(field);
      if (provider === undefined) {
        throw new ModelError(
          'missing-field',
          `data source '${source.name}' needs '${field}', which no source provides`,
        );
      }
      if (source.phase === 'event' && provider.phase === 'later') {
        throw new ModelError(
          'order',
          `data source '${source.name}' answers at event time but needs '${field}', which '${provider.name}' provides later; make '${source.name}' a later source`,
        );
      }
    }
  }
  return providers;
};

const outputProvider = (field: string, providers: Providers): DataSource => {
  const provider = providers.get(field);
  if (provider !== undefined && (provider.provides as Record<string, string>)[field] === 'output') {
    return provider;
  }
  const known = [...providers]
    .filter(([name, source]) => (source.provides as Record<string, string>)[name] === 'output')
    .map(([name]) => name);
  throw new ModelError('unknown-field', `no field '${field}'; there are: ${known.join(', ')}`);
};

/** Depth first over the needs; `path` is how the current source was reached, to name a cycle. */
const visitor = (providers: Providers, order: DataSource[]) => {
  const done = new Set<DataSource>();
  const path: DataSource[] = [];
  const visit = (source: DataSource, field: string | undefined): void => {
    if (done.has(source)) return;
    const start = path.indexOf(source);
    if (start >= 0) {
      const names = [...path.slice(start), source].map(step => `'${step.name}'`).join(' needs ');
      throw new ModelError('cycle', `data sources need each other in a circle (by '${field}'): ${names}`);
    }
    path.push(source);
    for (const need of source.needs) visit(providers.get(need)!, need);
    path.pop();
    done.add(source);
    order.push(source);
  };
  return visit;
};

const reachable = (roots: ReadonlySet<DataSource>, providers: Providers): ReadonlySet<DataSource> => {
  const found = new Set<DataSource>();
  const pending = [...roots];
  for (let source = pending.pop(); source !== undefined; source = pending.pop()) {
    if (found.has(source)) continue;
    found.add(source);
    for (const field of source.needs) pending.push(providers.get(field)!);
  }
  return found;
};
