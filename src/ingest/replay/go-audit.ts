type JsonObject = Readonly<Record<string, unknown>>;

/** `{"sequence":24287,"timestamp":"1364481363.243","messages":[{"type":1300,"data":"arch=…"}, …]}`. Source: go-audit's parser.go. */
export const isGoAudit = ({ sequence, timestamp, messages }: JsonObject): boolean =>
  typeof sequence === 'number' &&
  typeof timestamp === 'string' &&
  /^\d+\.\d+$/.test(timestamp) &&
  Array.isArray(messages);

/** Its records as lines of a log. */
export const goAuditRecords = ({ sequence, timestamp, messages }: JsonObject): Buffer[] => {
  const lines: Buffer[] = [];
  for (const message of messages as readonly unknown[]) {
    if (typeof message !== 'object' || message === null) continue;
    const { type, data } = message as JsonObject;
    if (typeof type !== 'number' || typeof data !== 'string' || data.includes('\n')) continue;
    lines.push(Buffer.from(`type=${type} audit(${timestamp}:${sequence}): ${data}`, 'utf8'));
  }
  return lines;
};
