#!/usr/bin/env bash
# Every night: check the source, make the variants, measure them, judge them against the nights before, and write a page
# with the history. Ends with 0 where all is well, 1 where a model got worse or a file is faulty, and 2 where something
# could not be run or the machine was disturbed: see "Exit codes" in docs/gate-in-ci.md.
#
#   nightly.sh SOURCE FOLDER
#
# FOLDER keeps results/ (every night's), good/ (those that passed: what the next nights are judged against), models/ and
# report.html. Keep it between runs: a cache of the CI, or a disk.
set -euo pipefail
source=${1:-nano:F16}
folder=${2:-nightly}
recipes=${RECIPES:-Q8_0 Q4_K_M}
gates=${GATES:-nightly.gates.json}
# How many good nights are pooled as the baseline.
nights=${NIGHTS:-3}
# Words of their own, not one: QUANTSCOPE="npx --yes quantscope".
read -ra quantscope <<< "${QUANTSCOPE:-npx --yes quantscope}"
read -ra quantize_flags <<< "${QUANTIZE_FLAGS:-}"
read -ra compare_flags <<< "${COMPARE_FLAGS:-}"
read -ra wanted <<< "$recipes"

mkdir -p "$folder"/{results,good,models}
night=$(date -u +%Y-%m-%dT%H%M%S)
new=$folder/results/$night.json

"${quantscope[@]}" validate "$source" --quiet
"${quantscope[@]}" quantize "$source" "${wanted[@]}" --out "$folder/models" --force --quiet ${quantize_flags[@]+"${quantize_flags[@]}"}
"${quantscope[@]}" validate "$folder/models" --quiet
"${quantscope[@]}" compare "$source" "$folder"/models/*.gguf --out "$new" --yes --quiet ${compare_flags[@]+"${compare_flags[@]}"}

baselines=()
while IFS= read -r file; do
  if [[ -n $file ]]; then baselines+=(--baseline "$file"); fi
done < <(find "$folder/good" -name '*.json' | sort | tail -n "$nights")

judge=(report "$new" --history "$folder/results" --html "$folder/report.html")
if ((${#baselines[@]} > 0)); then
  judge+=("${baselines[@]}" --gates "$gates" --gate-format junit --gate-out "$folder/gates.xml")
fi
# A night that failed is no baseline for the next.
"${quantscope[@]}" "${judge[@]}"
cp "$new" "$folder/good/"
