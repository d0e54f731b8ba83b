import { constants } from 'node:os';
import koffi from 'koffi';

/** linux/prctl.h */
const PR_SET_PDEATHSIG = 1;

/**
 * On Linux the system kills this process when the one that started it is gone, whatever it does then: in the middle of
 * a long call into llama.cpp no message is read, and so not that the channel was closed. A parent that is gone already
 * has closed the channel, which is seen before any call.
 */
export function dieWithParent(): void {
  if (process.platform !== 'linux') return;
  koffi.load(null).func('int prctl(int, ...)')(PR_SET_PDEATHSIG, 'unsigned long', constants.signals.SIGKILL);
}
