#!/bin/bash
# A job array; --shard auto reads SLURM_ARRAY_TASK_ID and what goes with it. Then, when all of it has ended well:
#   sbatch --dependency=afterok:JOBID --wrap \
#     'npx --yes quantscope report shard-*.json --html report.html --gates quantscope.gates.json'
#SBATCH --job-name=quantscope
#SBATCH --array=1-8
#SBATCH --cpus-per-task=8
#SBATCH --mem=16G
#SBATCH --time=04:00:00
set -euo pipefail
npx --yes quantscope compare "$HOME/models" --only size,accuracy --shard auto \
  --threads "$SLURM_CPUS_PER_TASK" --out "shard-$SLURM_ARRAY_TASK_ID.json"
