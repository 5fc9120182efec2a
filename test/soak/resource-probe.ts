/** Preloaded into the extension's process: at SIGUSR2 it says on stderr what keeps its main thread busy. */
process.on('SIGUSR2', () => {
  const active = process.getActiveResourcesInfo();
  const timers = active.filter(name => name === 'Timeout' || name === 'Immediate').length;
  process.stderr.write(`\nprobe ${JSON.stringify({ timers, others: active.length - timers })}\n`);
});
