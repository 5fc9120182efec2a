import { registerHooks } from 'node:module';
// Which native part it loads goes by the platform, and only this one's is here.
import 'koffi';

/*
 * Loaded before a program, makes this system look like macOS to it: the platform's name, and the package that cannot be
 * installed there.
 */
registerHooks({
  resolve(specifier, context, next) {
    if (specifier === 'netlink') throw new Error('netlink is for Linux only');
    return next(specifier, context);
  },
});
Object.defineProperty(process, 'platform', { value: 'darwin' });
