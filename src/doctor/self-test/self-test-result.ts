/** Where the self-test looks for the row of its program. */
export type SelfTestPlan =
  /** In a table of the running osquery. */
  | { readonly kind: 'osquery'; readonly socketPath: string; readonly table: string }
  /** In rows of our own, from a short reading of kernel audit. */
  | { readonly kind: 'kernel' }
  | { readonly kind: 'skip'; readonly why: string; readonly fix: string };

export type SelfTestWay = 'osquery' | 'kernel';

export type SelfTestResult =
  | {
      readonly kind: 'seen';
      readonly way: SelfTestWay;
      /** Name of the source that was read. */
      readonly source: string;
      readonly program: string;
      readonly pid: number;
      /** From just before the start of the program until its row was read. */
      readonly milliseconds: number;
      /** What differs in audit from before the test; empty if nothing does. */
      readonly notRestored: readonly string[];
    }
  | {
      readonly kind: 'not-seen';
      readonly way: SelfTestWay;
      readonly source: string;
      readonly program: string;
      readonly pid: number;
      readonly milliseconds: number;
      readonly notRestored: readonly string[];
    }
  | {
      readonly kind: 'failed';
      readonly way: SelfTestWay;
      readonly why: string;
      readonly notRestored: readonly string[];
    }
  | { readonly kind: 'skipped'; readonly why: string; readonly fix: string };
