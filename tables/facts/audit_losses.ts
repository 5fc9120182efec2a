import type { auditLosses } from '../audit_losses.ts';
import type { FactsOf } from './column-facts.ts';

export const auditLossesFacts: FactsOf<typeof auditLosses.columns> = {
  time: { is: 'When the loss was seen, in seconds since 1970.', from: 'the clock', example: '1796094000' },
  since: {
    is: 'When the counter was looked at before: it happened in between.',
    from: 'the clock',

    example: '1796093940',
  },
  counter: {
    is: 'The column of `audit_status` that counts it.',
    from: '`audit_status`',
    example: 'kernel_lost',
  },
  cause: { is: 'What was lost, in words.', from: 'the counter', example: 'records the kernel dropped' },
  lost: { is: 'How many.', from: 'how much the counter grew', example: '1423' },
  raise: {
    is: 'The settings to raise.',
    from: 'the counter',
    nullIf: 'none helps',
    example: '--audit_backlog_limit',
  },
};
