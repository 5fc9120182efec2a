import { BroadcastChannel, isMainThread } from 'node:worker_threads';

/*
 * Preloaded into the extension's process, and with it into each of its threads: at SIGUSR2 it says on stderr what keeps the main
 * thread busy, and what memory the JavaScript of each thread takes.
 */

/** Milliseconds that the other threads have to answer. */
const ANSWER_MS = 500;

const used = () => {
  const { heapUsed, heapTotal, external } = process.memoryUsage();
  return { heapUsed, heapTotal, external };
};

const questions = new BroadcastChannel('probe questions');
const answers = new BroadcastChannel('probe answers');
questions.unref();
answers.unref();

if (isMainThread) {
  const threads: ReturnType<typeof used>[] = [];
  answers.onmessage = ({ data }) => void threads.push(data);
  process.on('SIGUSR2', () => {
    const active = process.getActiveResourcesInfo();
    const timers = active.filter(name => name === 'Timeout' || name === 'Immediate').length;
    threads.length = 0;
    questions.postMessage('');
    setTimeout(() => {
      process.stderr.write(
        `\nprobe ${JSON.stringify({ timers, others: active.length - timers, memory: [used(), ...threads] })}\n`,
      );
    }, ANSWER_MS).unref();
  });
} else {
  questions.onmessage = () => answers.postMessage(used());
}
