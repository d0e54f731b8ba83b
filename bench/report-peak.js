// Preloaded into a measured process: says its own peak memory and CPU time when it ends.
process.on('exit', () => {
  const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
  process.stderr.write(`peak ${maxRSS} cpu ${userCPUTime + systemCPUTime}\n`);
});
