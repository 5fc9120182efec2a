import type { ExecEvent, ModelEvent } from './model-event.ts';

/** `output`: part of the event as people see it; `internal`: only for other sources. */
export type FieldUse = 'output' | 'internal';

/** What one source may cost. */
export interface SourceLimits {
  /**
   * Milliseconds after its arrival that the event waits for this source: by default the model's budget
   * (DEFAULT_BUDGET_MS), and never more than that. A call that blocks the thread cannot be interrupted: after two in
   * a row that took longer the source rests for a while.
   */
  readonly budgetMs?: number;
  /**
   * false: it never rests, because it does nothing that could take long, or has to see every event to be right. If it
   * takes long, something else was the cause.
   */
  readonly rests?: boolean;
  /** Most outstanding answers, by default DEFAULT_MAX_PENDING; beyond it the source is skipped. */
  readonly maxPending?: number;
}

export const DEFAULT_BUDGET_MS = 250;
export const DEFAULT_MAX_PENDING = 1024;

interface SourceBase<Fields extends object> {
  readonly name: string;
  /** Every field the source may fill. A field has exactly one provider. */
  readonly provides: Readonly<Record<keyof Fields & string, FieldUse>>;
  /** Fields of other sources that must be settled before this one is asked; a settled field may have no value. */
  readonly needs: readonly string[];
  readonly limits?: SourceLimits;
  /** Called once before the first event. If it fails, the source is skipped from then on. */
  start?(): void | Promise<void>;
  stop?(): void | Promise<void>;
  /** Sees every process event, forks and exits too, in order of arrival and before the event itself is resolved. */
  observe?(event: ModelEvent): void;
}

/**
 * Answers on the spot, without waiting or anything that can hang. `known` holds the values of the fields in `needs`.
 */
export interface EventSource<Fields extends object = object> extends SourceBase<Fields> {
  readonly phase: 'event';
  resolve(event: ExecEvent, known: Readonly<Record<string, unknown>>): Partial<Fields> | undefined;
}

/** Answers when it can; the event waits no longer than the source's budget. */
export interface LaterSource<Fields extends object = object> extends SourceBase<Fields> {
  readonly phase: 'later';
  resolve(
    event: ExecEvent,
    known: Readonly<Record<string, unknown>>,
  ): Partial<Fields> | undefined | Promise<Partial<Fields> | undefined>;
}

/** A source of a process event's fields. What it cannot determine stays undefined and becomes NULL: never a guess. */
export type DataSource<Fields extends object = object> = EventSource<Fields> | LaterSource<Fields>;

interface Needing<Needs extends object> {
  readonly needs: readonly (keyof Needs & string)[];
}

/**
 * A source of phase `event`, checked: `provides` names every field of `Fields`, and `known` holds only what `needs`
 * declares.
 */
export const eventSource = <Fields extends object, Needs extends object = object>(
  source: Omit<EventSource<Fields>, 'phase' | 'needs' | 'resolve'> &
    Needing<Needs> & {
      resolve(event: ExecEvent, known: Readonly<Partial<Needs>>): Partial<Fields> | undefined;
    },
): EventSource<Fields> => ({ ...source, phase: 'event' }) as EventSource<Fields>;

/** A source of phase `later`, checked like `eventSource`. */
export const laterSource = <Fields extends object, Needs extends object = object>(
  source: Omit<LaterSource<Fields>, 'phase' | 'needs' | 'resolve'> &
    Needing<Needs> & {
      resolve(
        event: ExecEvent,
        known: Readonly<Partial<Needs>>,
      ): Partial<Fields> | undefined | Promise<Partial<Fields> | undefined>;
    },
): LaterSource<Fields> => ({ ...source, phase: 'later' }) as LaterSource<Fields>;

type UnionToIntersection<U> = (U extends unknown ? (arg: U) => void : never) extends (arg: infer I) => void
  ? I
  : never;

type Resolved<S> = S extends { resolve(...args: never[]): infer Answer }
  ? NonNullable<Awaited<Answer>>
  : never;

/** All fields that a list of sources provides, each of which may be missing. */
export type FieldsOf<Sources extends readonly DataSource[]> = UnionToIntersection<Resolved<Sources[number]>>;
